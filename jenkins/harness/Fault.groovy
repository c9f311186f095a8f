/** Something wrong with a Jenkinsfile; `line` is 0 if it is wrong as a whole. */
@groovy.transform.EqualsAndHashCode
class Fault implements Comparable<Fault> {
    int line
    String text

    int compareTo(Fault other) { line <=> other.line ?: text <=> other.text }

    String toString() { line ? "line $line: $text" : text }
}
