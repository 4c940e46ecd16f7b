// Package commands implements the grammar and the behaviour of every command: it turns an Invocation into a Reply. It does not
// depend on the socket or on Block Kit.
//
// A Spec describes one command: its arguments and options, the required right, whether it changes something, and the function
// that executes it. Each command has its own file, and Specs lists them. Parsing, help, encoding and validation of button values,
// the audit text and dispatch iterate over the specs and the table of options, so a new command is one new file.
//
// ParseHere turns typed text into an Invocation without side effects. A button's value is an untrusted Invocation in JSON.
// Handler.Prepare finds the stack, authorizes the request and records the decision; the function that it returns executes the
// command. A search considers only the stacks that the user may see: a hidden stack and a missing one get the same answer.
//
// Every redeploy, a rollback and a promotion too, passes guarded, which checks locks and protections in the transaction that begins it. A
// reader decides what somebody may see of locks, protections and subscriptions, and a coverage which stacks one of them is about.
//
// Every change runs under an operation key, which Take records in the transaction of its effects, so that a repeated delivery or
// click has no further effect. Progress sends redeploys and cancels to Cloud 66 and follows them. A Directory caches the list of
// stacks within the request budget and serves the watch too.
package commands
