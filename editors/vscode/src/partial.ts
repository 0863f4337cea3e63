// Tells a partly accepted suggestion from typing: VS Code does not say it to extensions. Pure.

export interface Offered<Item> {
  readonly uri: string;
  readonly line: number;
  readonly character: number;
  readonly text: string;
  readonly item: Item;
}

export interface Change {
  readonly line: number;
  readonly character: number;
  readonly replaced: number;
  readonly text: string;
}

/**
 * How much of `offered` is in the document after `change`, in UTF-16 code units; undefined if the
 * change did not come from it. A single character is taken for typing.
 */
export function acceptedLength(offered: Offered<unknown>, change: Change): number | undefined {
  if (change.line !== offered.line || change.replaced !== 0 || change.text.length < 2) {
    return undefined;
  }
  const typed = change.character - offered.character;
  if (typed < 0 || offered.text.length <= typed + change.text.length) {
    return undefined;
  }
  return offered.text.startsWith(change.text, typed) ? typed + change.text.length : undefined;
}
