/** `credentials('id')`: bound to a variable, never shown. */
class Credential {
    String id
}
