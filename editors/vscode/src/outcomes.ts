// How a request ended, in words. The names are the server's closed set. Knows nothing of VS Code.

export const OUTCOMES: Readonly<Record<string, string>> = {
  offered: 'a suggestion was offered',
  cached: 'a suggestion was offered, without asking the model',
  superseded: 'you typed on before the answer came',
  cancelled: 'the editor gave the request up',
  disabled: 'suggestions are switched off here',
  excluded: 'this file never reaches a model',
  empty: 'the model had nothing to say',
  filtered: 'the suggestion was not worth showing',
  engine_down: 'the model is not running',
  timed_out: 'the model took too long',
  invalid: 'the server does not know this document or position',
  skipped: 'it was not the moment',
  failed: 'something went wrong in the server',
};
