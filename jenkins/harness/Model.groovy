/** What a Jenkinsfile says, once it is read: parameters with their defaults, steps of `post` by condition. */
class Model {
    Object agent
    Map<String, Map> options = [:]
    Map<String, Object> parameters = [:]
    Map<String, Object> environment = [:]
    List<Stage> stages = []
    Map<String, List<Step>> post = [:]

    List<Step> getAllSteps() {
        stages.collectMany { it.steps + it.post.values().flatten() } + post.values().flatten()
    }
}
