# SPDX-License-Identifier: Apache-2.0
# The front door; the build itself is meson's (meson.build), the tests' runner is tests/run.
#
#   make            build into build/
#   make demo       a room of two diskless hosts on this machine, a guest on each
#   make check      build and run every test; the last line counts them
#   make bench      all benchmarks, or one: make bench B=boot
#   make fuzz       each fuzz target for FUZZ_SECONDS (20); new inputs in build-fuzz/
#   make asan       units and system tests with address and undefined-behaviour sanitizers
#   make soak       asan, long fuzzing, MUTATIONS (1000000) broken packets a protocol, the room tests SOAK_ROUNDS (3) times
#   make install    into the prefix (/usr), DESTDIR is honoured
#   make help       this text
BUILD ?= build
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
SOAK_ROUNDS ?= 3
MUTATIONS ?= 1000000
SANITIZE = -Db_sanitize=address,undefined -Db_lundef=false

# $(call setup,FOLDER,OPTIONS): meson tells its errors on standard output, so it is shown when it fails.
setup = out=$$(meson setup --prefix=/usr $(2) $(1) 2>&1) || { echo "$$out"; exit 1; }

.DEFAULT_GOAL := build
.PHONY: build packages demo check bench fuzz asan soak install help
MAKEFLAGS += --no-print-directory

help:
	@sed -n '/^#   /s/^# *//p' Makefile

packages:
	@packaging/install-packages

build: packages
	@test -f $(BUILD)/build.ninja || { $(call setup,$(BUILD)); }
	@ninja -C $(BUILD) -j $(JOBS) --quiet

demo: build
	@$(BUILD)/src/dompool lab demo

check: build
	@tests/run --build $(BUILD)

bench: build
	@bench/run --build $(BUILD) $(B)

build-asan/build.ninja:
	@$(call setup,build-asan,$(SANITIZE))

asan: packages build-asan/build.ninja
	@ninja -C build-asan -j $(JOBS) --quiet
	@tests/run --build build-asan --only unit,fuzz,scenario,system

build-fuzz/build.ninja:
	@export CC=clang; $(call setup,build-fuzz,-Dfuzz=true $(SANITIZE))

fuzz: packages build-fuzz/build.ninja
	@ninja -C build-fuzz -j $(JOBS) --quiet fuzzers
	@tests/fuzz/run --build build-fuzz --seconds $(FUZZ_SECONDS)

soak: build asan
	@$(MAKE) fuzz FUZZ_SECONDS=300
	@MUTATIONS=$(MUTATIONS) tests/run --build $(BUILD) --only system --slower 4 -- -k mutation
	@for round in $$(seq $(SOAK_ROUNDS)); do echo "room tests, round $$round"; DOMPOOL_SOAK=1 tests/run --build $(BUILD) --only room || exit 1; done

install: build
	@meson install -C $(BUILD) --no-rebuild
