class Stage {
    String name
    int line
    Object agent
    List<Step> steps = []
    Map<String, List<Step>> post = [:]
}
