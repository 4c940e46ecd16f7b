// Package commands holds the grammar and the behaviour of every command: an Invocation goes in, a Reply comes out. It knows no socket and
// no Block Kit.
//
// A Spec describes one command: its arguments and options, the right it needs, whether it changes something, and the function that carries
// it out. Each command has a file of its own, and Specs lists them. Parsing, help, the encoding and the checks of a button's value, the
// text for the audit, and dispatch are loops over the specs and over the table of options, so that a new command is one new file.
//
// Parse turns a typed text into an Invocation without side effects; a button's value is an Invocation in JSON, of which nothing is trusted.
// Handler.Prepare finds the stack, authorizes and records the decision; the function it returns carries the command out. Only stacks that
// the person may see take part in the search: a hidden stack and one that does not exist get the same answer.
package commands
