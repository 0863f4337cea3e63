// Answers of the server as Markdown. Pure: knows nothing of VS Code.

import { OUTCOMES } from './outcomes';

export interface Ended {
  readonly at: number;
  readonly outcome: string;
  readonly detail: string;
  readonly total_ms: number;
}

/** How the last requests ended, newest first. */
export function whyPage(ended: readonly Ended[]): string {
  const lines = ['# Why was there no suggestion?', ''];
  if (ended.length === 0) {
    lines.push('Nothing was asked in this file yet.');
    return lines.join('\n');
  }
  lines.push('The last requests in this file, newest first.', '', '| at | took | what happened |', '|---|---:|---|');
  for (const one of ended) {
    const at = new Date(one.at * 1000).toLocaleTimeString('en-GB');
    const words = OUTCOMES[one.outcome] ?? one.outcome;
    lines.push(`| ${at} | ${Math.round(one.total_ms)} ms | ${cell(one.detail === '' ? words : `${words} (${one.detail})`)} |`);
  }
  return lines.join('\n');
}

/** Any JSON object as tables: one for its plain values, one for each object in it. */
export function tablesPage(title: string, value: Readonly<Record<string, unknown>>): string {
  const lines = [`# ${title}`, ...table(value)];
  for (const [name, inner] of Object.entries(value)) {
    if (isRecord(inner) && Object.keys(inner).length > 0) {
      lines.push('', `## ${spoken(name)}`, ...table(inner));
    }
  }
  return lines.join('\n');
}

/** What a program printed, as it is. */
export function plainPage(title: string, text: string): string {
  return [`# ${title}`, '', '```text', text.trimEnd().replaceAll('```', "'''"), '```'].join('\n');
}

function table(value: Readonly<Record<string, unknown>>): string[] {
  const rows = Object.entries(value).filter(([, inner]) => !isRecord(inner) && inner !== null);
  if (rows.length === 0) {
    return [];
  }
  const cells = rows.map(([name, inner]) => `| ${spoken(name)} | ${cell(String(inner))} |`);
  return ['', '| | |', '|---|---:|', ...cells];
}

function spoken(name: string): string {
  return name.replaceAll('_', ' ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
