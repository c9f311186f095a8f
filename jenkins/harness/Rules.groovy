/** What this project asks of its Jenkinsfile beyond the language: each rule is a sentence in jenkins/README.md. */
class Rules {
    static final List<String> OPTIONS = ['timeout', 'disableConcurrentBuilds', 'timestamps']
    /** Targets that make something which must be removed, and what removes it. */
    static final Map<String, String> UNDONE_BY = [env: 'env-down']
    private static final String CALL = /make ([a-z0-9-]+)( [A-Z_]+=[\w.\/-]+)*/

    final List<Fault> faults = []
    private final Model model
    private final String makefile
    private final String scripts

    /** @param root the repository, whose Makefile and bin/ say what there is to call */
    Rules(Model model, File root) {
        this.model = model
        makefile = new File(root, 'Makefile').text
        scripts = makefile + (new File(root, 'bin').listFiles() ?: []).findAll { it.file }*.text.join('\n')
    }

    void check() {
        OPTIONS.findAll { !model.options.containsKey(it) }.each { fault(0, "options lack `$it`") }
        if (model.agent == 'none') {
            model.stages.findAll { !it.agent }.each { fault(it.line, "stage '$it.name' has no agent") }
        }
        model.stages.each { stage ->
            if (!stage.steps.any { it.name == 'sh' }) fault(stage.line, "stage '$stage.name' calls no make target")
        }
        model.allSteps.findAll { it.name == 'sh' }.each { callsMake(it) }
        UNDONE_BY.each { made, undone -> isUndone(made, undone) }
        model.stages.each { stage ->
            (stage.steps + stage.post.findAll { it.key != 'always' }.values().flatten())
                .findAll { it.name == 'junit' }
                .each { fault(it.line, 'junit stands outside of `post { always { } }`: failed tests would not be shown') }
        }
        model.allSteps.findAll { it.name == 'junit' }.each { isWritten(it) }
    }

    private void callsMake(Step step) {
        def script = step.args.script as String
        def call = script =~ "^$CALL\$"
        if (!call) {
            fault(step.line, "sh '$script' is not `make target [NAME=value]`")
        } else if (!(makefile =~ /(?m)^${call.group(1)}:/)) {
            fault(step.line, "the Makefile has no target `${call.group(1)}`")
        }
    }

    /** The removal is the first step of `always`: after any other that fails it would not be reached. */
    private void isUndone(String made, String undone) {
        def making = model.stages.find { stage -> stage.steps.any { it.args.script == "make $made" } }
        def first = model.post.always?.getAt(0)?.args?.script
        if (making && first != "make $undone") {
            fault(making.line, "stage '$making.name' calls `make $made`, but pipeline's `post { always { } }`" +
                " does not begin with `make $undone`")
        }
    }

    private void isWritten(Step step) {
        (step.args.testResults as String).split(',')*.trim().each { pattern ->
            def name = pattern.contains('*') ? pattern.takeWhile { it != '*' } : pattern
            if (!scripts.contains(name)) fault(step.line, "nothing in Makefile or bin/ writes $pattern")
        }
    }

    private void fault(int line, String text) { faults << new Fault(line: line, text: text) }
}
