// swift-tools-version: 6.3
// Sekisho: a SIP-controlled firewall gateway. See README.md; the import directions are drawn in docs/walkthrough.md.
import PackageDescription

// executable -> shell -> core -> Wire. The core sees no socket, clock, file, random source, C handle or Foundation.
let core: [Target] = [
    .target(name: "Wire"),
    .target(name: "SIPText", dependencies: ["Wire"]),
    .target(name: "SIPTransactions", dependencies: ["SIPText", "Wire"]),
    .target(name: "ServerLocation", dependencies: ["SIPText", "SIPTransactions", "Wire"]),
    .target(name: "SDPText", dependencies: ["Wire"]),
    .target(name: "CMSText", dependencies: ["Wire", .product(name: "SwiftASN1", package: "swift-asn1")]),
    .target(name: "GateProtocol", dependencies: ["Wire"]),
    .target(name: "ControlProtocol", dependencies: ["Wire"]),
    .target(name: "Coexistence", dependencies: ["ControlProtocol", "Wire"]),
    .target(name: "Registration", dependencies: ["SIPText", "SIPTransactions", "Wire"]),
    .target(
        name: "Gateway",
        dependencies: ["GateProtocol", "Registration", "SDPText", "SIPText", "SIPTransactions", "Wire"]),
]

let libraries: [Target] = [
    .systemLibrary(name: "CNetfilter", pkgConfig: "libnftnl", providers: [.apt(["libnftnl-dev", "libmnl-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CLinux"),
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

let shell: [Target] = [
    .target(name: "Crypto", dependencies: ["CMSText", "COpenSSL", "Registration", "Wire"]),
    .target(name: "Netfilter", dependencies: ["CLinux", "CNetfilter", "GateProtocol", "Wire"]),
    .target(name: "Transport", dependencies: ["CLinux", "Crypto", "SIPText", "SIPTransactions", "Wire"] + nio),
    .target(name: "Store", dependencies: ["CSQLite", "Registration", "SIPTransactions", "Wire"]),
    .target(name: "Resolver", dependencies: ["CLinux", "SIPTransactions", "ServerLocation", "Wire"] + nio),
    .target(name: "Configuration", dependencies: ["CYAML", "Wire"]),
    .target(name: "Media", dependencies: ["Wire"]),
    .target(name: "Lab", dependencies: ["CLinux", "Crypto", "Wire"]),
    .target(
        name: "UserAgent",
        dependencies: ["CMSText", "Crypto", "Media", "SDPText", "SIPText", "SIPTransactions", "Transport", "Wire"] + nio
    ),
]

let executables: [Target] = [
    .executableTarget(
        name: "sekishod",
        dependencies: [
            "CLinux", "CMSText", "Configuration", "ControlProtocol", "Crypto", "GateProtocol", "Gateway",
            "Registration",
            "Resolver", "SDPText", "SIPText", "SIPTransactions", "ServerLocation", "Store", "Transport", "Wire",
            .product(name: "Logging", package: "swift-log"),
        ] + nio),
    .executableTarget(
        name: "sekisho-gated",
        dependencies: ["CLinux", "Configuration", "GateProtocol", "Netfilter", "Wire"]),
    .executableTarget(name: "sekisho-recorderd", dependencies: ["CLinux", "Wire"]),
    .executableTarget(
        name: "sekisho",
        dependencies: [
            "CLinux", "CMSText", "Coexistence", "Configuration", "ControlProtocol", "Crypto", "GateProtocol", "Lab",
            "Media", "Netfilter", "Registration", "SDPText", "SIPText", "SIPTransactions", "Store", "Transport",
            "UserAgent", "Wire",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ] + nio),
]

let tests: [Target] = [
    // Messages under the names of their RFCs, and what must hold of every reader whatever it is given.
    .target(name: "Corpus", dependencies: ["SIPText", "Wire"], path: "Tests/Corpus"),
    .target(
        name: "FuzzTargets",
        dependencies: [
            "CMSText", "Corpus", "GateProtocol", "SDPText", "SIPText", "SIPTransactions", "ServerLocation", "Wire",
        ],
        path: "Tests/FuzzTargets"),
    .target(name: "CInstructions", path: "Tests/CInstructions"),
    .target(name: "FakeDigesting", dependencies: ["Registration"], path: "Tests/FakeDigesting"),
    .testTarget(
        name: "FuzzTargetsTests",
        dependencies: ["CInstructions", "Corpus", "FuzzTargets", "GateProtocol", "SDPText", "SIPText", "Wire"]),
    .testTarget(name: "WireTests", dependencies: ["Wire"]),
    .testTarget(name: "SIPTextTests", dependencies: ["Corpus", "SIPText", "Wire"]),
    .testTarget(name: "SIPTransactionsTests", dependencies: ["SIPText", "SIPTransactions", "Wire"]),
    .testTarget(
        name: "ServerLocationTests", dependencies: ["Corpus", "SIPText", "SIPTransactions", "ServerLocation", "Wire"]),
    .testTarget(
        name: "ResolverTests",
        dependencies: ["Lab", "Resolver", "SIPTransactions", "ServerLocation", "Wire"] + nio),
    .testTarget(name: "SDPTextTests", dependencies: ["SDPText", "Wire"]),
    .testTarget(
        name: "CMSTextTests",
        dependencies: ["CMSText", "Corpus", "Wire", .product(name: "SwiftASN1", package: "swift-asn1")]),
    .testTarget(
        name: "GatewayTests",
        dependencies: [
            "Corpus", "FakeDigesting", "GateProtocol", "Gateway", "Registration", "SDPText", "SIPText",
            "SIPTransactions", "Wire",
        ]),
    .testTarget(
        name: "RegistrationTests",
        dependencies: ["Corpus", "FakeDigesting", "Registration", "SIPText", "SIPTransactions", "Wire"]),
    .executableTarget(
        name: "store-writer", dependencies: ["Registration", "SIPTransactions", "Store", "Wire"],
        path: "Tests/StoreWriter"),
    .testTarget(
        name: "StoreTests",
        dependencies: [
            "Corpus", "Lab", "Registration", "SIPTransactions", "Store", "sekisho", "store-writer", "Wire",
        ]),
    .testTarget(name: "GateProtocolTests", dependencies: ["GateProtocol", "Wire"]),
    .testTarget(
        name: "CryptoTests",
        dependencies: [
            "CInstructions", "CMSText", "COpenSSL", "Corpus", "Crypto", "Lab", "Registration", "SIPText", "Wire",
        ]),
    .testTarget(
        name: "NetfilterTests", dependencies: ["CLinux", "CNetfilter", "GateProtocol", "Netfilter", "Lab", "Wire"]),
    .testTarget(
        name: "TransportTests",
        dependencies: ["Crypto", "Lab", "SIPText", "SIPTransactions", "Transport", "Wire"] + nio),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration", "Wire"]),
    .testTarget(name: "CoexistenceTests", dependencies: ["Coexistence", "ControlProtocol", "Wire"]),
    .testTarget(name: "ControlProtocolTests", dependencies: ["ControlProtocol", "Wire"]),
    .testTarget(name: "MediaTests", dependencies: ["Media", "Wire"]),
    .testTarget(
        name: "UserAgentTests",
        dependencies: [
            "CLinux", "CMSText", "Crypto", "Lab", "Media", "SDPText", "SIPText", "SIPTransactions", "UserAgent", "Wire",
        ] + nio),
    .testTarget(name: "RecorderTests", dependencies: ["CLinux", "sekisho-recorderd", "Wire"]),
    .testTarget(
        name: "NetnsTests",
        dependencies: [
            "CLinux", "Crypto", "GateProtocol", "Netfilter", "SDPText", "SIPText", "Lab", "UserAgent", "Wire",
        ]),
    .testTarget(name: "PeerTests", dependencies: ["Lab"]),
]

let package = Package(
    name: "sekisho",
    products: [
        .executable(name: "sekishod", targets: ["sekishod"]),
        .executable(name: "sekisho-gated", targets: ["sekisho-gated"]),
        .executable(name: "sekisho-recorderd", targets: ["sekisho-recorderd"]),
        .executable(name: "sekisho", targets: ["sekisho"]),
        .library(name: "UserAgent", targets: ["UserAgent"]),
        // For Benchmarks, which is a package of its own.
        .library(name: "SIPText", targets: ["SIPText"]),
        .library(name: "Gateway", targets: ["Gateway", "SIPTransactions"]),
        .library(name: "Crypto", targets: ["CMSText", "Crypto"]),
        .library(name: "GateProtocol", targets: ["GateProtocol", "Wire"]),
        // For Fuzz, which is one too.
        .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: core + libraries + shell + executables + tests
)

for target in package.targets where target.type != .system && !["CInstructions", "CLinux"].contains(target.name) {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableExperimentalFeature("Lifetimes"),
        ]
}
