// SPDX-License-Identifier: Apache-2.0
// What went wrong, in the words of the bridge.

/** @typedef {import('../runnel.d.ts').Violation} Violation */

/** Statuses after which the same request may succeed: none at all, too many
 * requests, and what a bridge or a proxy says while something is away. */
const TRANSIENT = [0, 429, 502, 503, 504];

export class RunnelError extends Error {
  /**
   * @param {{status: number, code?: string, title?: string, detail?: string,
   *   violations?: Violation[], retryAfterMs?: number, cause?: unknown}} fields
   */
  constructor(fields) {
    super(sentence(fields), { cause: fields.cause });
    this.name = 'RunnelError';
    this.status = fields.status;
    this.code = fields.code ?? 'UNKNOWN';
    this.title = fields.title ?? '';
    this.detail = fields.detail ?? '';
    this.violations = fields.violations ?? [];
    this.retryAfterMs = fields.retryAfterMs ?? 0;
  }

  get isTransient() {
    return TRANSIENT.includes(this.status) && this.code !== 'DATA_LOSS';
  }
}

/**
 * Violations are part of the sentence, since they say what to change.
 * @param {{status: number, title?: string, detail?: string,
 *   violations?: Violation[]}} fields
 */
function sentence({ status, title, detail, violations = [] }) {
  let text = detail || title || `The server answered ${status}.`;
  for (const { field, description } of violations)
    if (!text.includes(description))
      text += ` ${field}: ${description}.`;
  return text;
}

/**
 * Makes an error of an answer that is not what was asked for.
 * @param {Response} answer
 */
export async function errorOf(answer) {
  const body = await answer.json().catch(() => null);
  const seconds = Number(answer.headers.get('retry-after'));
  return new RunnelError({
    ...body,
    status: answer.status,
    retryAfterMs: seconds > 0 ? seconds * 1000 : 0,
  });
}

/** @param {unknown} cause */
export function unreachable(cause) {
  return new RunnelError({
    status: 0, code: 'UNAVAILABLE', cause,
    detail: 'The bridge cannot be reached.',
  });
}

/** @param {string} detail */
export function interrupted(detail) {
  return new RunnelError({ status: 0, code: 'UNAVAILABLE', detail });
}
