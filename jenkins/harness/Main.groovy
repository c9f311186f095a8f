/**
 * Checks a declarative Jenkinsfile, and runs it without a controller.
 *
 *   groovy -cp jenkins/harness jenkins/harness/Main.groovy [--check] [JENKINSFILE]
 *
 * Exit code 0: well, or SUCCESS; 1: the pipeline ended otherwise; 2: the Jenkinsfile or the call is wrong.
 * Variables of the environment stand for what a controller brings: a parameter's value by its name, a
 * credential's by the variable it is bound to (or NAME_FILE), BUILD_NUMBER.
 */
def words = args.toList()
def checkOnly = words.remove('--check')
def file = new File(words ? words[0] : 'jenkins/Jenkinsfile')
if (words.size() > 1 || words.any { it.startsWith('-') }) fail('usage: Main.groovy [--check] [JENKINSFILE]')
if (!file.file) fail("there is no $file")

def workspace = new File('.').canonicalFile
def outer = System.getenv()
def build = [
    BUILD_NUMBER: outer.BUILD_NUMBER ?: String.valueOf(System.currentTimeSeconds() % 1_000_000),
    JOB_NAME: outer.JOB_NAME ?: 'local',
    WORKSPACE: workspace.path,
    CI: 'true',
]
def reader = new Declarative(build, outer)
reader.read(file.getText('UTF-8'))
def faults = reader.faults
if (!faults) {
    def rules = new Rules(reader.model, workspace)
    rules.check()
    faults = rules.faults
}
if (faults) {
    faults.toSorted().unique().each { System.err.println "$file: $it" }
    System.exit(2)
}
def model = reader.model
if (checkOnly) {
    println "$file: ${model.stages.size()} stages, well"
    System.exit(0)
}

def environment = [*: build, *: model.parameters.collectEntries { name, value -> [name, outer[name] ?: value as String] }]
def secrets = []
model.environment.each { name, value ->
    if (value instanceof Credential) {
        value = outer[name] ?: (outer["${name}_FILE"] ? new File(outer["${name}_FILE"]).text.trim() : '')
        if (!value) fail("no credential ${model.environment[name].id}: set $name or ${name}_FILE")
        secrets << value
    }
    environment[name] = value
}
def runner = new Runner(model, environment, secrets, workspace)
runner.run()
System.exit(runner.result == 'SUCCESS' ? 0 : 1)

void fail(String text) {
    System.err.println text
    System.exit(2)
}
