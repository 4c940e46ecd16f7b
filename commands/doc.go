// Package commands knows what can be asked of the bot and what each command does: an Invocation goes in, a Reply comes out.
//
// Parse turns what was typed into an Invocation without any side effect; a button carries an Invocation as its value. Handler.Do decides
// whether the person may, and does it. The package knows no socket and no Block Kit: a Reply is a document of neutral blocks (package
// bot/card/doc), which each command builds beside what it does and package bot/card draws. So a new command needs no change outside of this
// package.
package commands
