#!/bin/sh
# On a new volume: make databases and roles before clients may connect.
/bin/sh /run-claude/databases
