// What the status bar item's menu offers in each state. Pure: knows nothing of VS Code.

import type { State } from './statusText';

export interface Entry {
  readonly label: string;
  /** The command without `codellama.`, or `settings`. */
  readonly command: string;
}

const INSTALL: Entry = { label: '$(cloud-download) Install or update the server', command: 'installServer' };
const LOG: Entry = { label: '$(output) Show the log', command: 'showOutput' };
const SETTINGS: Entry = { label: '$(gear) Settings', command: 'settings' };

/** `language` is that of the file in front, if one is. */
export function menuEntries(state: State, language: string | undefined): readonly Entry[] {
  if (state === 'missing') {
    return [INSTALL, LOG, SETTINGS];
  }
  return [
    state === 'off'
      ? { label: '$(sparkle) Switch suggestions on', command: 'toggleSuggestions' }
      : { label: '$(circle-slash) Switch suggestions off', command: 'toggleSuggestions' },
    ...(language === undefined
      ? []
      : [{ label: `$(symbol-keyword) Switch suggestions in ${language} off or on`, command: 'toggleLanguage' }]),
    { label: '$(question) Why was there no suggestion?', command: 'explainLast' },
    { label: '$(graph) Statistics', command: 'showStatistics' },
    { label: '$(pulse) Doctor', command: 'openDoctor' },
    { label: '$(debug-restart) Restart the server', command: 'restartServer' },
    { label: '$(refresh) Load the model again', command: 'reloadModel' },
    LOG,
    SETTINGS,
  ];
}
