#!/bin/sh
# On a new volume: create the databases before clients may connect.
/bin/sh /run-claude/databases
