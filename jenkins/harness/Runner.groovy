import groovy.util.XmlSlurper
import java.nio.file.FileSystems
import java.nio.file.Files
import java.util.concurrent.TimeUnit

/**
 * Runs what was read, as a controller does: stages in order, none after one that failed, `post` in Jenkins'
 * order whatever happened, secrets masked. Each `sh` really runs, in the current folder.
 */
class Runner {
    static final List<String> RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
    static final List<String> POST_ORDER = ['always', 'failure', 'success', 'unstable', 'cleanup']
    static final long GRACE_SECONDS = 10

    String result = 'SUCCESS'
    private final Model model
    private final Map<String, String> environment
    private final List<String> secrets
    private final File workspace
    private final long began = System.currentTimeMillis()
    private final List<List> times = []
    private long deadline

    Runner(Model model, Map<String, String> environment, List<String> secrets, File workspace) {
        this.model = model
        this.environment = environment
        this.secrets = secrets
        this.workspace = workspace
        def limit = model.options.timeout
        deadline = limit ? began + TimeUnit.valueOf(limit.unit as String).toMillis(limit.time as long) : Long.MAX_VALUE
    }

    void run() {
        model.stages.each { stage ->
            if (result in ['FAILURE', 'ABORTED']) {
                say("stage '$stage.name' is skipped: an earlier one failed")
                times << [stage.name, 0L, 'skipped']
            } else {
                timed(stage.name) { runStage(stage) }
            }
        }
        // What cleans up gets its time, whatever the stages took.
        deadline = Long.MAX_VALUE
        if (model.post) timed('post') { runPost(model.post, result) }
        summary()
    }

    private String runStage(Stage stage) {
        def outcome = runSteps(stage.steps)
        worsen(outcome)
        return [outcome, runPost(stage.post, outcome)].max { RESULTS.indexOf(it) }
    }

    /** Each condition's block by itself: one that fails does not keep the next from running. */
    private String runPost(Map<String, List<Step>> post, String outcome) {
        def worst = 'SUCCESS'
        def applies = [always: true, cleanup: true, success: outcome == 'SUCCESS',
                       failure: outcome == 'FAILURE', unstable: outcome == 'UNSTABLE']
        POST_ORDER.findAll { applies[it] && post[it] }.each { condition ->
            say("post: $condition")
            def one = runSteps(post[condition])
            worsen(one)
            worst = [worst, one].max { RESULTS.indexOf(it) }
        }
        return worst
    }

    private String runSteps(List<Step> steps) {
        def worst = 'SUCCESS'
        for (step in steps) {
            def outcome = "$step.name"(step.args)
            worst = [worst, outcome].max { RESULTS.indexOf(it) }
            if (outcome in ['FAILURE', 'ABORTED']) break
        }
        return worst
    }

    // ---- steps

    private String sh(Map args) {
        say("sh: ${args.label ?: args.script}")
        def builder = new ProcessBuilder('/bin/sh', '-xec', args.script as String)
            .directory(workspace).redirectErrorStream(true).redirectInput(new File('/dev/null'))
        builder.environment().putAll(environment)
        def process = builder.start()
        def reader = Thread.startDaemon {
            process.inputStream.eachLine('UTF-8') { show(it) }
        }
        def inTime = process.waitFor(Math.max(0, deadline - System.currentTimeMillis()), TimeUnit.MILLISECONDS)
        if (!inTime) end(process)
        reader.join(GRACE_SECONDS * 1000)
        if (!inTime) {
            say('the pipeline took longer than its timeout: aborted')
            return 'ABORTED'
        }
        if (process.exitValue() == 0) return 'SUCCESS'
        say("exit code ${process.exitValue()}")
        return 'FAILURE'
    }

    /** The step and all that it started. */
    private static void end(Process process) {
        def all = process.toHandle().descendants().iterator().toList() + process.toHandle()
        all*.destroy()
        def until = System.currentTimeMillis() + GRACE_SECONDS * 1000
        while (all.any { it.alive } && System.currentTimeMillis() < until) sleep(50)
        all.findAll { it.alive }*.destroyForcibly()
    }

    private String echo(Map args) {
        show(args.message as String)
        return 'SUCCESS'
    }

    /** As the JUnit plugin: nothing found or nothing new is a failure, failed tests make the build unstable. */
    private String junit(Map args) {
        def found = matching(args.testResults as String)
        if (!found && args.allowEmptyResults) return 'SUCCESS'
        // File systems keep seconds only, some of them.
        if (!found.any { it.lastModified() >= began.intdiv(1000) * 1000 }) {
            say("junit: $args.testResults: ${found ? 'none of the reports is new' : 'no report was found'}")
            return 'FAILURE'
        }
        def cases = found.collectMany { new XmlSlurper().parse(it).depthFirst().findAll { it.name() == 'testcase' } }
        def failed = cases.count { it.failure.size() + it.error.size() }
        def skipped = cases.count { it.skipped.size() }
        say("junit: ${cases.size()} tests, $failed failed, $skipped skipped")
        return failed ? 'UNSTABLE' : 'SUCCESS'
    }

    private String archiveArtifacts(Map args) {
        def found = matching(args.artifacts as String)
        say("archiveArtifacts: ${found ? found*.name.join(', ') : 'nothing matches ' + args.artifacts}")
        return found || args.allowEmptyArchive ? 'SUCCESS' : 'FAILURE'
    }

    private List<File> matching(String patterns) {
        def matchers = patterns.split(',')*.trim().collect { FileSystems.default.getPathMatcher("glob:$it") }
        def folders = patterns.split(',')*.trim().collect { new File(workspace, it.contains('/') ? it.tokenize('/')[0] : '.') }
        return folders.unique().findAll { it.directory }.collectMany { folder ->
            Files.walk(folder.toPath()).iterator().toList().findAll { path ->
                Files.isRegularFile(path) && matchers.any { it.matches(workspace.toPath().relativize(path)) }
            }*.toFile()
        }
    }

    // ---- what is shown

    private void timed(String name, Closure<String> work) {
        say("=== $name")
        def start = System.currentTimeMillis()
        def outcome = work()
        times << [name, System.currentTimeMillis() - start, outcome]
    }

    private void worsen(String outcome) { result = [result, outcome].max { RESULTS.indexOf(it) } }

    private void summary() {
        println ''
        times.each { name, milliseconds, outcome ->
            println "${name.padRight(16)} ${seconds(milliseconds).padLeft(9)}  $outcome"
        }
        println "${'pipeline'.padRight(16)} ${seconds(System.currentTimeMillis() - began).padLeft(9)}  $result"
    }

    private static String seconds(long milliseconds) { String.format(Locale.ROOT, '%.1f s', milliseconds / 1000d) }

    private void say(String text) { show("[pipeline] $text") }

    private void show(String line) {
        def masked = secrets.findAll().inject(line) { text, secret -> text.replace(secret, '****') }
        println "${new Date().format('HH:mm:ss')} $masked"
        System.out.flush()
    }
}
