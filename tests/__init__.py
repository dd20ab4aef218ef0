"""Tests of every tier."""
