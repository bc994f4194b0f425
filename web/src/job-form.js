// SPDX-License-Identifier: Apache-2.0
// The form for a new job: a kind, its options, its input.
import { client } from './api.js';
import { h, setText } from './dom.js';
import { KINDS, workersKind } from './kinds.js';
import { go, href } from './router.js';

/** @typedef {import('./kinds.js').Kind} Kind */

/**
 * @param {() => void} onCreated
 * @returns {HTMLElement}
 */
export function jobForm(onCreated) {
  const body = h('div', { class: 'form-body' });
  const kinds = [...KINDS];
  const choice = kindChoice((kind) => body.replaceChildren(...kindFields(kind)));
  const stalled = h('p', { class: 'problem', role: 'status', hidden: true });
  const error = h('p', { class: 'form-error', role: 'alert', hidden: true });
  const submit = h('button', { class: 'primary', type: 'submit' }, 'Start job');
  const form = h('form', { class: 'job-form', 'aria-label': 'New job' },
    h('a', { class: 'back', href: href('jobs') }, 'Jobs'),
    h('h1', { tabIndex: -1 }, 'New job'),
    stalled, choice.element, body, error,
    h('div', { class: 'actions' }, submit));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    error.hidden = true;
    try {
      const job = await client.createJob(wish(form, kinds));
      onCreated();
      go(href('jobs', job.id));
    } catch (problem) {
      error.textContent = /** @type {Error} */ (problem).message;
      error.hidden = false;
    } finally {
      submit.disabled = false;
    }
  });
  client.info().then(({ kindInfos = [], storeInfo }) => {
    for (const info of kindInfos) {
      if (info.builtIn)
        continue;
      kinds.push(workersKind(info));
      choice.add(kinds[kinds.length - 1]);
    }
    stalled.hidden = storeInfo?.state !== 'STORE_STATE_STALLED';
    setText(stalled, `The server cannot store new jobs now: ${storeInfo?.error}`);
  }, () => {}); // the form works without
  return form;
}

/**
 * The choice of a kind, the first one made.
 * @param {(kind: Kind) => void} onChoice
 */
function kindChoice(onChoice) {
  const element = h('fieldset', { class: 'kinds' }, h('legend', {}, 'Kind'));
  const add = (/** @type {Kind} */ kind) => element.append(
    h('label', { class: 'kind' },
      h('input', {
        type: 'radio', name: 'kind', value: kind.name,
        checked: kind === KINDS[0], onchange: () => onChoice(kind),
      }),
      h('strong', {}, kind.name),
      h('span', {}, kind.about)));
  KINDS.forEach(add);
  onChoice(KINDS[0]);
  return { element, add };
}

/**
 * @param {Kind} kind
 * @returns {HTMLElement[]}
 */
function kindFields(kind) {
  const options = h('div', { class: 'fields' }, ...kind.fields.map(control));
  return kind.input ? [options, inputField(kind)] : [options];
}

/** @param {import('./kinds.js').Field} field */
function control(field) {
  const { name, label, value, hint } = field;
  const id = `option-${name}`;
  const entry = field.type === 'select'
    ? h('select', { id, name: `options.${name}` },
      ...(field.choices ?? []).map((c) => h('option', { value: c }, c)))
    : h('input', {
      id, name: `options.${name}`, type: field.type, value,
      min: field.min?.toString(), max: field.max?.toString(),
      autocomplete: 'off', spellcheck: false,
    });
  return h('div', { class: 'field' },
    h('label', { htmlFor: id }, label, hint && ` (${hint})`), entry);
}

/** @param {Kind} kind */
function inputField(kind) {
  const area = h('textarea', {
    id: 'job-input', name: 'input', rows: 8, spellcheck: false,
    value: kind.sample ?? '',
  });
  const file = h('input', {
    type: 'file', id: 'job-file',
    onchange: async () => {
      const chosen = file.files?.[0];
      if (chosen)
        area.value = await chosen.text();
    },
  });
  return h('div', { class: 'field' },
    h('label', { htmlFor: 'job-input' }, kind.input), area,
    h('div', { class: 'file' },
      h('label', { htmlFor: 'job-file' }, 'or take it from a file:'), file));
}

/**
 * The CreateJobRequest that the form stands for. Options left empty are left
 * out: the server's default applies.
 * @param {HTMLFormElement} form
 * @param {Kind[]} kinds
 */
function wish(form, kinds) {
  const data = new FormData(form);
  const kind = kinds.find(({ name }) => name === data.get('kind')) ?? KINDS[0];
  /** @type {Record<string, string>} */
  const options = {};
  for (const { name } of kind.fields) {
    const value = String(data.get(`options.${name}`) ?? '').trim();
    if (value)
      options[name] = value;
  }
  if (!kind.input)
    return { kind: kind.name, options };
  // A form sends line ends as CR LF; the text as it is seen has LF.
  const text = String(data.get('input') ?? '').replaceAll('\r\n', '\n');
  const contentType = kind.contentType?.(options);
  return { kind: kind.name, options, input: { text, contentType } };
}
