/** A step as it is written: `args` by name, `line` where it stands. */
class Step {
    String name
    Map args
    int line
}
