import Glibc
import NIOCore
import NIOPosix

/// What NIO says when a socket cannot be opened, without its words: those are for programmers.
enum SocketFailure {
    /// The errno of the system call that failed; of another fault the one that comes nearest.
    static func code(of error: any Error) -> Int32 {
        switch error {
        case let error as IOError: error.errnoCode
        case is UnixDomainSocketPathWrongType: ENOTSOCK
        case is SocketAddressError: EINVAL
        case _: EIO
        }
    }
}
