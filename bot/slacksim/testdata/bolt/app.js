'use strict';

// A small app on Bolt, Slack's own framework, in Socket Mode. It uses what the
// simulated workspace has to get right: a command, a button, a form with errors
// and a menu with options from the app, and a mention. The test acts as people.

const { App } = require('@slack/bolt');

const plain = (text) => ({ type: 'plain_text', text });

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});

const form = (channel) => ({
  type: 'modal',
  callback_id: 'deploy',
  private_metadata: channel,
  title: plain('Deploy a stack'),
  submit: plain('Deploy'),
  close: plain('Cancel'),
  notify_on_close: true,
  blocks: [
    {
      type: 'input',
      block_id: 'stack',
      label: plain('Stack'),
      element: { type: 'external_select', action_id: 'stack', min_query_length: 1, placeholder: plain('Choose one') },
    },
    {
      type: 'input',
      block_id: 'ref',
      optional: true,
      label: plain('Ref'),
      element: { type: 'plain_text_input', action_id: 'ref', placeholder: plain('main') },
    },
  ],
});

app.command('/c66', async ({ command, ack, say, client }) => {
  if (command.text === 'form') {
    await ack();
    await client.views.open({ trigger_id: command.trigger_id, view: form(command.channel_id) });
    return;
  }
  await ack({ response_type: 'ephemeral', text: `got ${command.text}` });
  await say({
    text: 'A card',
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: 'A *card*' } },
      { type: 'actions', elements: [{ type: 'button', action_id: 'press', text: plain('Press'), value: '1' }] },
    ],
  });
});

app.action('press', async ({ ack, respond, body }) => {
  await ack();
  await respond({ replace_original: true, text: `pressed by <@${body.user.id}>` });
});

app.options('stack', async ({ options, ack }) => {
  const stacks = ['api@production', 'web@production', 'web@staging'].filter((name) => name.includes(options.value));
  await ack({ options: stacks.map((name) => ({ text: plain(name), value: name })) });
});

app.view('deploy', async ({ ack, view, client }) => {
  const { values } = view.state;
  const ref = values.ref.ref.value;
  if (ref && ref.includes(' ')) {
    await ack({ response_action: 'errors', errors: { ref: 'A ref has no spaces.' } });
    return;
  }
  await ack();
  const stack = values.stack.stack.selected_option.value;
  await client.chat.postMessage({ channel: view.private_metadata, text: `deploys ${stack} at ${ref}` });
});

app.view({ callback_id: 'deploy', type: 'view_closed' }, async ({ ack, view, client }) => {
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: 'no deployment' });
});

app.event('app_mention', async ({ event, say }) => {
  await say({ text: `mentioned with: ${event.text}`, thread_ts: event.thread_ts ?? event.ts });
});

process.on('SIGTERM', async () => {
  await app.stop();
  process.exit(0);
});

app.start();
