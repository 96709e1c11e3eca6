# Sekisho. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

JOBS ?= 2
DESTDIR ?=
# Options of the demonstration: `make demo DEMO="--ipv6"`.
DEMO ?=
# A name's beginning: `make bench ONLY=parse`.
ONLY ?=
# Names of tests, a regular expression: `make test-kernel FILTER=RulesetTests`.
FILTER ?=
# How long `make fuzz` gives each target.
FUZZ_SECONDS ?= 60

daemons := sekishod sekisho-gated sekisho-recorderd
# Everything built for release, stripped, in one place.
stage := .build/stage
# swift-asn1 imports Foundation for PEM texts, where there is one. To the daemons there is none: both modules get names
# that do not exist, and that file compiles to nothing. It makes sekishod a third smaller.
no_foundation := $(foreach module,Foundation FoundationEssentials,-Xswiftc -module-alias -Xswiftc $(module)=No$(module))
units := $(wildcard systemd/*.service)

.PHONY: help packages root daemons build demo test test-kernel bench fuzz lint format install clean

help:
	@echo 'make demo        build, and show a call through the gateway (root); DEMO="--ipv6 --plain" passes options'
	@echo 'make test        build, and run all tests (root)'
	@echo 'make test-kernel build, and run those in namespaces on the kernel of Debian 12, in QEMU (root); FILTER=regex: others'
	@echo 'make bench       run the benchmarks; ONLY=prefix runs some'
	@echo 'make fuzz        fuzz the readers; FUZZ_SECONDS=60 for each; ONLY=prefix runs some'
	@echo 'make lint        check the rules of the repository'
	@echo 'make format      let swift format mend what it can'
	@echo 'make build       build for release'
	@echo 'make install     install below DESTDIR; without DESTDIR on this machine, with users and units'
	@echo 'make clean       remove what was built'
	@echo 'JOBS=2 compiles with that many processes. Debian packages that are missing are installed (root).'

packages:
	@scripts/install-packages

root:
	@[[ $$(id -u) -eq 0 ]] || { echo 'make: network namespaces need root: sudo make $(MAKECMDGOALS)' >&2; exit 1; }

# SwiftPM passes the compiler another option on a terminal than in a pipe, and builds everything anew when the options
# change. Every `swift build` and `swift test` of this repository has this one.
swift_options := -j $(JOBS) --no-color-diagnostics

# The linker that folds functions of equal code, and writes relocations by bits: an eighth less to load. The latter needs the
# C library of Debian 12 (glibc 2.36).
linker := -Xswiftc -use-ld=lld -Xlinker --icf=safe -Xlinker -z -Xlinker pack-relative-relocs

# Two builds, since the command line's argument parser does need Foundation. Each has a folder of its own, so that they can be
# made while tests run: those hold the lock of theirs.
daemons: packages
	@mkdir -p $(stage)
	for daemon in $(daemons); do \
		swift build -c release $(swift_options) --static-swift-stdlib --scratch-path .build-daemons $(no_foundation) \
			$(linker) --product $$daemon && strip -o $(stage)/$$daemon .build-daemons/release/$$daemon; done

build: daemons
	swift build -c release $(swift_options) --static-swift-stdlib --scratch-path .build-command --product sekisho
	strip -o $(stage)/sekisho .build-command/release/sekisho

demo: root build
	@exec $(stage)/sekisho demo $(DEMO)

# All tests in one run. The check of imports keeps the core apart from the outside world.
test: root packages
	swift build --build-tests $(swift_options) --explicit-target-dependency-import-check error
	@exec scripts/run-tests -j $(JOBS)

# What asks the kernel, on Debian's own. The tests that were built run in the guest as they are.
test-kernel: export FILTER := $(FILTER)
test-kernel: root packages
	@scripts/install-packages packages.txt packages-kernel.txt
	swift build --build-tests $(swift_options) --explicit-target-dependency-import-check error
	@exec scripts/test-kernel "$$FILTER"

bench: packages
	@scripts/install-packages packages.txt packages-bench.txt
	@JOBS=$(JOBS) scripts/bench $(ONLY)

fuzz: packages
	@JOBS=$(JOBS) FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz $(ONLY)

lint: packages
	@scripts/check

format:
	swift format format --in-place --parallel --recursive Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources

install: build
	install -d $(DESTDIR)/etc/sekisho
	for daemon in $(daemons); do install -D -m 755 $(stage)/$$daemon $(DESTDIR)/usr/sbin/$$daemon; done
	install -D -m 755 $(stage)/sekisho $(DESTDIR)/usr/bin/sekisho
	for unit in $(units); do install -D -m 644 $$unit $(DESTDIR)/usr/lib/systemd/system/$${unit##*/}; done
	install -D -m 644 systemd/sekisho.sysusers $(DESTDIR)/usr/lib/sysusers.d/sekisho.conf
	install -D -m 644 systemd/sekisho.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/sekisho.conf
	install -D -m 644 systemd/sekisho.modprobe $(DESTDIR)/usr/lib/modprobe.d/sekisho.conf
	for file in $(wildcard nft/*.nft); do install -D -m 644 $$file $(DESTDIR)/usr/share/sekisho/$$file; done
	for file in $(wildcard README.md docs/*.md docs/examples/*.yaml); do \
		install -D -m 644 $$file $(DESTDIR)/usr/share/doc/sekisho/$${file#docs/}; done
	$(if $(DESTDIR),,scripts/activate)

clean:
	rm -rf .build .build-daemons .build-command Benchmarks/.build Fuzz/.build
