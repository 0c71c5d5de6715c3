# SPDX-License-Identifier: Apache-2.0
# Thin on purpose: what is built is said in CMakeLists.txt, how in CMakePresets.json, and the work of
# each target below is a script that can be run, and read, by itself.
.DEFAULT_GOAL := all
.PHONY: all setup demo test unit up down clean-run bench lint tidy format clean help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

all: setup-build ## build the programs into build/bin/ (this is what plain `make` does)
	@tests/stack/build.sh dev

setup_parts := setup-build setup-run setup-test setup-lint
.PHONY: $(setup_parts)
$(setup_parts): setup-%:
	@tests/stack/setup.sh --for $*

setup: ## install all that building, running, testing and linting need (Debian 12, 13)
	@tests/stack/setup.sh

demo: setup-run all ## a day of referrals through the real services; ONCE=1: end by itself
	@ONCE=$(ONCE) tests/demo/demo.sh

test: setup-build setup-test ## every test: unit, fuzz, sim, walk; with sanitizers unit, fuzz, fault
	@tests/stack/test.sh

unit: all ## only the unit tests: seconds
	@tests/stack/test.sh unit

up: setup-run all ## start Kafka and the five services in the background
	@tests/stack/up.sh

down: ## stop what `make up` started
	@tests/stack/down.sh

clean-run: ## stop, and empty the topics and the tracker; logs and webhook secret go, too
	@tests/stack/down.sh --empty

bench: setup-build setup-run ## measure, and print the figures as ratios; PARTS="restore idle": only these
	@tests/stack/build.sh release all bench_programs
	@BIN_DIR=$(CURDIR)/build/release/bin SOURCE_DIR=$(CURDIR) tests/bench/run.sh $(PARTS)

lint: setup-lint ## formatting, static checks, the rules of the tree
	@tests/lint/lint.sh

tidy: all ## clang-tidy over everything; slow, and not part of lint (needs clang-tidy)
	@tests/lint/tidy.sh

format: setup-lint ## put every C file into shape
	@tests/lint/format.sh

clean: ## remove build/ (.deps/ and .run/ stay)
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
