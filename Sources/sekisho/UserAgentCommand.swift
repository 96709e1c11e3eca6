import ArgumentParser

/// `sekisho ua`: the reference user agent, to try a gateway with and to test one.
struct UserAgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ua",
        abstract: "Make or answer a call, with a protected session description and real media.",
        discussion: """
            The call's session description is encrypted for the callee and for the servers that it is disclosed to; \
            the answer uses the key of the offer. RTP goes both ways while the call lasts, and is counted.

            Two user agents on one machine, without a gateway:
              sekisho ua answer --bind 127.0.0.2:5060 --write-certificate bob.pem &
              sekisho ua call sip:bob@127.0.0.2:5060 --bind 127.0.0.3 \\
                --peer-certificate bob.pem

            Exit status: 0 when the call was made, ended by BYE and media came while it lasted; 1 when it was not; \
            64 for arguments that cannot be used.
            """,
        subcommands: [UserAgentCallCommand.self, UserAgentAnswerCommand.self])
}
