#!/bin/sh
# A new volume: the databases, before anybody is let in.
/bin/sh /run-claude/databases
