// What the status bar says for a status from the server. Pure: knows nothing of VS Code.

import { inEditorWords, sentence } from './wording';

export type State =
  | 'stopped'
  | 'missing'
  | 'starting'
  | 'loading'
  | 'ready'
  | 'busy'
  | 'slow'
  | 'off'
  | 'error';

/** The payload of `codellama/status`, and states of our own for a server that is not there. */
export interface Status {
  readonly state: State;
  readonly percent?: number;
  readonly model?: string;
  readonly message?: string;
  readonly remedy?: string;
  readonly last_ms?: number;
}

const ICONS: Readonly<Record<State, string>> = {
  stopped: 'circle-slash',
  missing: 'cloud-download',
  starting: 'loading~spin',
  loading: 'loading~spin',
  ready: 'sparkle',
  busy: 'sync~spin',
  slow: 'watch',
  off: 'circle-slash',
  error: 'warning',
};

/** The item's text, icons in VS Code's notation. */
export function barText(status: Status): string {
  const parts = [`$(${ICONS[status.state]}) Code Llama`];
  if (status.state === 'loading' && status.percent !== undefined) {
    parts.push(`${Math.round(status.percent)}%`);
  } else if (status.state === 'missing') {
    parts.push('not installed');
  } else if (['off', 'error', 'slow', 'stopped'].includes(status.state)) {
    parts.push(status.state);
  } else if (status.last_ms !== undefined) {
    parts.push(`${Math.round(status.last_ms)} ms`);
  }
  return parts.join(' ');
}

/** What the editor itself knows about suggestions being off. */
export interface Switches {
  /** The setting; the server can be switched off besides. */
  readonly enabled: boolean;
  readonly languagesOff: readonly string[];
  /** Of the file in front, if one is. */
  readonly language: string | undefined;
}

/** The status as the file in front has it: off says why, and a language can be off alone. */
export function withSwitches(status: Status, { enabled, languagesOff, language }: Switches): Status {
  if (status.state === 'off') {
    const message = enabled
      ? 'Switched off until you switch it on again or the server restarts.'
      : 'Switched off by the setting "codellama.enabled".';
    return { message, ...status };
  }
  if (language !== undefined && languagesOff.includes(language) && ['ready', 'busy', 'slow'].includes(status.state)) {
    return { ...status, state: 'off', message: `Off in ${language}, by the setting "codellama.languagesOff".` };
  }
  return status;
}

/** Everything that is known, a Markdown line each. */
export function details(status: Status): string[] {
  const lines = [`**Code Llama**: ${status.state}`];
  if (status.model !== undefined) {
    lines.push(`Model: ${status.model}`);
  }
  if (status.last_ms !== undefined) {
    lines.push(`Last suggestion: ${Math.round(status.last_ms)} ms`);
  }
  if (status.message !== undefined) {
    lines.push(status.message);
  }
  if (status.remedy !== undefined) {
    lines.push(status.remedy);
  }
  return lines;
}

/** A status as it came over the wire; nothing for what is none. */
export function readStatus(raw: unknown): Status | undefined {
  if (typeof raw !== 'object' || raw === null) {
    return undefined;
  }
  const state = (raw as { state?: unknown }).state;
  if (typeof state !== 'string' || !(state in ICONS)) {
    return undefined;
  }
  const status = raw as Status;
  return {
    ...status,
    ...(status.message === undefined ? {} : { message: sentence(inEditorWords(status.message)) }),
    ...(status.remedy === undefined ? {} : { remedy: inEditorWords(status.remedy) }),
  };
}
