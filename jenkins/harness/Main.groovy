/**
 * Checks a declarative Jenkinsfile, and runs it without a controller.
 *
 *   jenkins/harness/run [JENKINSFILE]
 *   jenkins/harness/run --check [JENKINSFILE...]
 *
 * Exit code 0: well, or SUCCESS; 1: the pipeline ended otherwise; 2: the Jenkinsfile or the call is wrong.
 * Variables of the environment stand for what a controller brings: a parameter's value by its name, a
 * credential's by the variable it is bound to (or NAME_FILE), BUILD_NUMBER.
 */
def words = args.toList()
def checkOnly = words.remove('--check')
def files = (words ?: ['jenkins/Jenkinsfile']).collect { new File(it) }
if (words.any { it.startsWith('-') } || (files.size() > 1 && !checkOnly)) {
    fail('usage: jenkins/harness/run [JENKINSFILE], or: jenkins/harness/run --check [JENKINSFILE...]')
}
files.findAll { !it.file }.each { fail("there is no $it") }

def workspace = new File('.').canonicalFile
def outer = System.getenv()
def build = [
    BUILD_NUMBER: outer.BUILD_NUMBER ?: String.valueOf(System.currentTimeSeconds() % 1_000_000),
    JOB_NAME: outer.JOB_NAME ?: 'local',
    WORKSPACE: workspace.path,
    CI: 'true',
]
def model = null
def wrong = files.findAll { file ->
    def language = new Declarative(build, outer)
    language.read(file.getText('UTF-8'))
    def rules = new Rules(language.model, workspace)
    if (!language.faults) rules.check()
    def faults = (language.faults + rules.faults).toSorted().unique()
    faults.each { System.err.println "$file: $it" }
    model = language.model
    return faults
}
if (wrong) System.exit(2)
if (checkOnly) {
    println "${files.join(', ')}: sound, ${model.stages.size()} stages"
    System.exit(0)
}

def environment = [*: build, *: model.parameters.collectEntries { name, value -> [name, outer[name] ?: value as String] }]
def secrets = []
model.environment.each { name, value ->
    if (value instanceof Credential) {
        def file = outer["${name}_FILE" as String]
        environment[name] = outer[name] ?: (file ? new File(file).text.trim() : '')
        if (!environment[name]) fail("no credential $value.id: set $name or ${name}_FILE")
        secrets << environment[name]
    } else {
        environment[name] = value
    }
}
def runner = new Runner(model, environment, secrets, workspace)
runner.run()
System.exit(runner.result == 'SUCCESS' ? 0 : 1)

void fail(String text) {
    System.err.println text
    System.exit(2)
}
