import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.stmt.BlockStatement
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.ast.stmt.ReturnStatement
import org.codehaus.groovy.ast.stmt.Statement
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.MultipleCompilationErrorsException
import org.codehaus.groovy.control.Phases

/**
 * Reads a Jenkinsfile by being the declarative language: each section, option and step is defined here, and
 * what is not defined is a fault. It knows the part of the language that ours uses; something of Jenkins that
 * is missing is added here first, so that nothing runs on a controller that never ran here.
 *
 * Nothing is executed: steps are noted, with their arguments.
 */
class Declarative {
    static final List<String> CONDITIONS = ['always', 'failure', 'success', 'unstable', 'cleanup']
    static final List<String> UNITS = ['SECONDS', 'MINUTES', 'HOURS']
    private static final String NAME = 'Jenkinsfile'
    /** What every block answers to by itself: `println`, `sleep` and the like would run, not be noted. */
    private static final Set<String> GROOVYS_OWN =
        ({ -> }.metaClass.methods*.name + { -> }.metaClass.metaMethods*.name) as Set

    final List<Fault> faults = []
    final Model model = new Model()
    private final Map<String, ?> build
    private final Map<String, String> given
    private int pipelines = 0

    /**
     * @param build variables that a controller sets for each build: BUILD_NUMBER and the like
     * @param given parameters' values, where they are not the defaults
     */
    Declarative(Map<String, ?> build, Map<String, String> given) {
        this.build = build
        this.given = given
    }

    void read(String text) {
        try {
            def unit = new CompilationUnit()
            unit.addSource("${NAME}.groovy", text)
            unit.compile(Phases.CONVERSION)
            unit.AST.modules.each { module -> onlyWords(module.statementBlock, true) }
            if (faults) return
            def configuration = new CompilerConfiguration(scriptBaseClass: TopLevel.name)
            def script = new GroovyShell(getClass().classLoader, new Binding(), configuration)
                .parse(text, "${NAME}.groovy")
            script.speak(this)
            script.run()
        } catch (MultipleCompilationErrorsException broken) {
            def cause = broken.errorCollector.getSyntaxError(0)
            fault(cause ? cause.originalMessage.trim().readLines().first() : broken.message, cause?.line ?: 0)
            return
        }
        if (pipelines == 0) fault('there is no `pipeline { }`', 0)
    }

    // ---- sections

    void pipeline(Closure body) {
        if (++pipelines > 1) {
            fault('there is a second `pipeline { }`')
            return
        }
        Map<String, Closure> found = [:]
        def names = ['agent', 'options', 'parameters', 'environment', 'stages', 'post']
        inside('pipeline', body, names.collectEntries { name ->
            [name, { Object value ->
                if (found.containsKey(name)) fault("a second `$name` in pipeline")
                def line = lineNow()
                found[name] = { this."read${name.capitalize()}"(value, line) }
            }]
        })
        // Parameters first: the environment may name them, wherever it stands.
        ['parameters', 'environment', 'agent', 'options', 'stages', 'post'].each { found[it]?.call() }
        ['agent', 'stages'].findAll { !found.containsKey(it) }.each { fault("pipeline has no `$it`", 0) }
    }

    void readAgent(Object value, int line) { model.agent = agentOf(value, line) }

    private Object agentOf(Object value, int line) {
        if (value in ['any', 'none']) return value
        if (value instanceof Closure) {
            def label = null
            inside('agent', value, [label: { String name -> label = name }])
            if (label) return [label: label]
        }
        fault('agent is `any`, `none` or `{ label \'…\' }`', line)
        return null
    }

    void readOptions(Object body, int line) {
        Closure plain = { String name -> { -> model.options[name] = [:] } }
        inside('options', body, [
            timeout: { Map limit ->
                named('timeout', limit, [time: Integer, unit: String], ['time', 'unit'])
                if (limit.time instanceof Integer && limit.time < 1) fault('timeout: time is not positive')
                if (!(limit.unit in UNITS)) fault("timeout: unit is one of ${UNITS.join(', ')}")
                model.options.timeout = limit
            },
            disableConcurrentBuilds: plain('disableConcurrentBuilds'),
            timestamps: plain('timestamps'),
            buildDiscarder: { Map keep -> model.options.buildDiscarder = keep },
            logRotator: { Map keep ->
                def known = ['numToKeepStr', 'daysToKeepStr', 'artifactNumToKeepStr', 'artifactDaysToKeepStr']
                named('logRotator', keep, known.collectEntries { [it, String] }, [])
                return keep
            },
        ])
    }

    void readParameters(Object body, int line) {
        def add = { Class type, Map given ->
            named('parameter', given, [name: String, defaultValue: type, description: String], ['name', 'defaultValue'])
            if (model.parameters.containsKey(given.name)) fault("a second parameter $given.name")
            model.parameters[given.name] = given.defaultValue
        }
        inside('parameters', body, [
            string: { Map given -> add(String, given) },
            booleanParam: { Map given -> add(Boolean, given) },
        ])
    }

    void readEnvironment(Object body, int line) {
        inside('environment', body, [credentials: { String id -> new Credential(id: id) }]) { name, value ->
            if (!(name ==~ /[A-Z][A-Z0-9_]*/)) fault("environment: $name is not in capitals")
            if (!(value instanceof CharSequence || value instanceof Credential)) {
                fault("environment: $name is neither a text nor credentials('…')")
            }
            model.environment[name] = value instanceof CharSequence ? value.toString() : value
        }
    }

    void readStages(Object body, int line) {
        inside('stages', body, [stage: { String name, Closure stage -> readStage(name, stage) }])
        if (!model.stages) fault('`stages` has no stage', line)
    }

    private void readStage(String name, Closure body) {
        def stage = new Stage(name: name, line: lineNow())
        if (!name?.trim()) fault('a stage has no name')
        if (name in model.stages*.name) fault("a second stage '$name'")
        inside("stage '$name'", body, [
            agent: { Object value -> stage.agent = agentOf(value, lineNow()) },
            steps: { Closure steps -> stage.steps += stepsOf("steps of stage '$name'", steps) },
            post: { Closure post -> stage.post = postOf("post of stage '$name'", post) },
        ])
        if (!stage.steps) fault("stage '$name' has no steps", stage.line)
        model.stages << stage
    }

    void readPost(Object body, int line) { model.post = postOf('post', body) }

    private Map<String, List<Step>> postOf(String where, Object body) {
        Map<String, List<Step>> found = [:]
        inside(where, body, CONDITIONS.collectEntries { condition ->
            [condition, { Closure steps -> found[condition] = stepsOf("$condition of $where", steps) }]
        })
        return found
    }

    private List<Step> stepsOf(String where, Closure body) {
        List<Step> found = []
        def note = { String name, String main, Map known ->
            { Object given ->
                def args = given instanceof Map ? given : [(main): given]
                named(name, args, known, [main])
                found << new Step(name: name, args: args.collectEntries { k, v ->
                    [k, v instanceof GString ? v.toString() : v]
                }, line: lineNow())
            }
        }
        inside(where, body, [
            sh: note('sh', 'script', [script: String, label: String]),
            echo: note('echo', 'message', [message: String]),
            junit: note('junit', 'testResults', [testResults: String, allowEmptyResults: Boolean]),
            archiveArtifacts: note('archiveArtifacts', 'artifacts',
                [artifacts: String, fingerprint: Boolean, allowEmptyArchive: Boolean]),
        ])
        if (!found) fault("$where is empty")
        return found
    }

    // ---- the language

    /** Run a block in which exactly these words are known. `assigned` takes `NAME = value`, where that is allowed. */
    private void inside(String where, Object body, Map<String, Closure> words, Closure assigned = null) {
        if (!(body instanceof Closure)) {
            fault("$where takes a block")
            return
        }
        def unknown = { String name -> fault("`$name` is not known in $where${hint(name, words.keySet())}") }
        def call = { String name, List args ->
            if (!words.containsKey(name)) return unknown(name)
            try {
                return words[name].call(*args)
            } catch (MissingMethodException wrong) {
                if (wrong.method != 'doCall' && wrong.method != 'call') throw wrong
                fault("$name in $where does not take ${args.collect { kind(it) }.join(', ') ?: 'nothing'}")
            }
        }
        def value = { String name ->
            if (name in ['any', 'none']) return name
            if (name == 'params') return parameterValues()
            if (name == 'env') return known()
            if (known().containsKey(name)) return known()[name]
            unknown(name)
        }
        def assign = { String name, Object given ->
            assigned ? assigned(name, given) : fault("$name = … may not stand in $where")
        }
        body.delegate = new Scope(call, value, assign)
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body.call()
    }

    private Map parameterValues() { model.parameters.collectEntries { name, value -> [name, given[name] ?: value] } }

    private Map known() { build + parameterValues() + model.environment }

    private void named(String what, Map given, Map<String, Class> known, List<String> needed) {
        given.each { name, value ->
            def type = known[name as String]
            if (!type) {
                fault("$what has no `$name`${hint(name as String, known.keySet())}")
            } else if (!type.isInstance(value instanceof GString ? value.toString() : value)) {
                fault("$what: $name is ${kind(value)} instead of ${type.simpleName}")
            }
        }
        needed.findAll { !given.containsKey(it) }.each { fault("$what lacks `$it`") }
    }

    /** Declarative pipelines are sections and steps: no `if`, no variables, no loops. */
    private void onlyWords(Statement block, boolean top = false) {
        (block as BlockStatement).statements.each { statement ->
            def expression = statement instanceof ExpressionStatement || statement instanceof ReturnStatement ?
                statement.expression : null
            def call = expression instanceof MethodCallExpression && expression.implicitThis
            def assignment = expression instanceof BinaryExpression && expression.operation.text == '='
            if (top ? !(call && expression.methodAsString == 'pipeline') : !(call || assignment)) {
                fault("only ${top ? '`pipeline { }`' : 'sections and steps'} may stand here", statement.lineNumber)
            }
            if (call && expression.methodAsString in GROOVYS_OWN) {
                fault("`$expression.methodAsString` is Groovy's, and no word of a Jenkinsfile", statement.lineNumber)
            }
            statement.visit(new CodeVisitorSupport() {
                void visitClosureExpression(ClosureExpression inner) { onlyWords(inner.code) }
            })
        }
    }

    void fault(String text, int line = lineNow()) { faults << new Fault(line: line, text: text) }

    private static int lineNow() {
        new Throwable().stackTrace.find { it.fileName == "${NAME}.groovy".toString() }?.lineNumber ?: 0
    }

    private static String kind(Object value) {
        value instanceof Closure ? 'a block' : value instanceof Map ? "(${value.keySet().join(', ')})" : "'$value'"
    }

    private static String hint(String name, Collection<String> known) {
        def near = known.find { it.startsWith(name) } ?: known.min { distance(name.toLowerCase(), it.toLowerCase()) }
        near && (near.startsWith(name) || distance(name.toLowerCase(), near.toLowerCase()) < 4) ? "; did you mean `$near`?" : ''
    }

    /** Levenshtein's. */
    private static int distance(String a, String b) {
        def row = (0..b.size()).toList()
        a.eachWithIndex { left, i ->
            def next = [i + 1]
            b.eachWithIndex { right, j ->
                next << [next[j] + 1, row[j + 1] + 1, row[j] + (left == right ? 0 : 1)].min()
            }
            row = next
        }
        return row.last()
    }
}

/** The delegate of a block: whatever is called, read or assigned in it comes here. */
class Scope implements GroovyInterceptable {
    private final Closure onCall, onRead, onAssign

    Scope(Closure onCall, Closure onRead, Closure onAssign) {
        this.@onCall = onCall
        this.@onRead = onRead
        this.@onAssign = onAssign
    }

    Object invokeMethod(String name, Object args) { this.@onCall.call(name, args as List) }

    Object getProperty(String name) { this.@onRead.call(name) }

    void setProperty(String name, Object value) { this.@onAssign.call(name, value) }
}

/** Outside of all blocks. */
abstract class TopLevel extends Script {
    private Declarative language

    void speak(Declarative language) { this.@language = language }

    void pipeline(Closure body) { this.@language.pipeline(body) }

    Object methodMissing(String name, Object args) {
        this.@language.fault("`$name` is not known here; did you mean `pipeline`?")
    }
}
