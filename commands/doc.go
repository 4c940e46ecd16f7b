// Package commands knows what can be asked of the bot and what each command does: an Invocation goes in, a Reply comes out.
//
// Parse turns what was typed into an Invocation without any side effect; a button carries an Invocation as its value. Handler.Do decides
// whether the person may, and does it. The package knows no socket and no Block Kit: a Reply says what there is to say, the card package
// says it in blocks.
package commands
