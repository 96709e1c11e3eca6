import ArgumentParser

struct UserAgentCommand: ParsableCommand {}
