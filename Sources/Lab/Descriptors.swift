import CLinux
import Glibc

/// What a child must not inherit.
enum Descriptors {
    /// Has the child close every descriptor but its standard ones: a socket of the starter that stays open in it would not
    /// close when the starter closes it.
    static func close(in actions: inout posix_spawn_file_actions_t) { _ = CLinux_spawn_closes_from(&actions, 3) }
}
