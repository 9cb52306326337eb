// Optional help; every page works without it.
(() => {
  const each = (selector, f, root = document) => root.querySelectorAll(selector).forEach(f);

  // what only makes sense with a script, and exact times in the reader's zone
  const dress = root => {
    each('[data-js]', e => { e.hidden = 'copy' in e.dataset && !navigator.clipboard || 'passkey' in e.dataset && !window.PublicKeyCredential; }, root);
    // the page's language as its reader's country writes it, with the digits that codes have
    const lang = document.documentElement.lang, region = navigator.languages.find(l => l.startsWith(lang + '-')) ?? lang;
    const local = time => new Intl.DateTimeFormat(region, { dateStyle: 'medium', numberingSystem: 'latn', ...time });
    const day = local({}), moment = local({ timeStyle: 'short' });
    each('time[data-local]', t => { t.title = t.textContent; t.textContent = (t.dataset.local ? day : moment).format(new Date(t.dateTime)); }, root);
  };
  each('[data-poll]', box => { box.seen = box.innerHTML; }); // as it was served
  dress(document);

  each('[data-copy]', b => b.addEventListener('click', async () => {
    const of = document.getElementById(b.dataset.copy), text = of.textContent.trim();
    await navigator.clipboard.writeText(of.tagName === 'PRE' ? text : text.replace(/\s+/g, ' '));
    const was = b.textContent;
    b.textContent = b.dataset.done;
    setTimeout(() => { b.textContent = was; }, 1600);
  }));

  each('[data-reveal]', b => b.addEventListener('click', () => {
    const i = document.getElementById(b.dataset.reveal), was = b.textContent;
    i.type = i.type === 'password' ? 'text' : 'password';
    b.textContent = b.dataset.hide;
    b.dataset.hide = was;
    i.focus();
  }));

  each('[autofocus][data-select]', i => i.select()); // selecting also focuses: only the first bad field

  // one submit only; the pressed button stays focusable and says what happens
  const again = f => {
    delete f.dataset.sent;
    each('[data-was]', b => { b.removeAttribute('aria-disabled'); b.textContent = b.dataset.was; delete b.dataset.was; }, f);
  };
  each('form', f => f.addEventListener('submit', e => {
    const b = e.submitter;
    if (f.dataset.sent || b && b.getAttribute('aria-disabled')) return e.preventDefault();
    f.dataset.sent = 1;
    if (b && b.dataset.busy) { b.dataset.was = b.textContent; b.setAttribute('aria-disabled', true); b.textContent = b.dataset.busy; }
    setTimeout(again, 8000, f);
  }));
  // a page that comes back by the Back button is as it was
  addEventListener('pageshow', e => { if (e.persisted) each('form', again); });

  // "Send a new code in 0:42", then a real button; by the clock, because timers sleep in the background
  each('[data-wait]', b => {
    const label = b.textContent, end = Date.now() + b.dataset.wait * 1000;
    b.setAttribute('aria-disabled', true);
    const tick = () => {
      const n = Math.ceil((end - Date.now()) / 1000);
      if (n <= 0) { clearInterval(timer); b.removeAttribute('aria-disabled'); b.textContent = label; return; }
      b.textContent = b.dataset.in.replace('{time}', Math.floor(n / 60) + ':' + String(n % 60).padStart(2, '0'));
    };
    const timer = setInterval(tick, 1000);
    tick();
  });

  // look again for what may have arrived, while somebody is looking
  each('[data-poll]', box => {
    setInterval(async () => {
      if (document.hidden) return;
      const answer = await fetch(location.href).catch(() => null);
      if (!answer || !answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(box.id);
      if (!fresh || fresh.innerHTML === box.seen) return;
      box.seen = fresh.innerHTML;
      const at = box.contains(document.activeElement) && document.activeElement.getAttribute('href');
      box.replaceChildren(...fresh.childNodes);
      dress(box);
      if (at) each('a', a => { if (a.getAttribute('href') === at) a.focus(); }, box);
    }, box.dataset.poll * 1000);
  });

  // passkeys: the server's question goes to the authenticator, and its answer back in the form
  const bytes = s => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
  const letters = b => b && btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
  const known = list => (list || []).map(c => ({ ...c, id: bytes(c.id) }));
  const can = window.PublicKeyCredential;

  if (can) each('form[data-passkey]', async f => {
    const { create, auto, again } = f.dataset, note = f.querySelector('[role=status]'), life = 24e4;
    let options = f.dataset.passkey, at = Date.now(), open;
    const say = text => { note.textContent = text || ''; note.hidden = !text; };
    const ask = async mediation => {
      if (open) open.abort();
      const { signal } = open = new AbortController();
      if (Date.now() - at > life) {
        options = await (await fetch(again)).text();
        at = Date.now();
      }
      const o = JSON.parse(options);
      o.challenge = bytes(o.challenge);
      if (o.user) o.user.id = bytes(o.user.id);
      o.allowCredentials = known(o.allowCredentials);
      o.excludeCredentials = known(o.excludeCredentials);
      const c = await navigator.credentials[create === '' ? 'create' : 'get']({ publicKey: o, signal, mediation });
      const r = c.response, response = { transports: r.getTransports && r.getTransports() };
      for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) if (r[name]) response[name] = letters(r[name]);
      f.elements.credential.value = JSON.stringify({ id: c.id, rawId: c.id, type: c.type, authenticatorAttachment: c.authenticatorAttachment, clientExtensionResults: {}, response });
      f.submit();
    };
    // the address field suggests passkeys for as long as the page is open, with a question that is never too old
    const suggest = async () => {
      if (auto === '' && can.isConditionalMediationAvailable && await can.isConditionalMediationAvailable()) ask('conditional').catch(() => {});
    };
    f.querySelector('button').addEventListener('click', () => {
      say(note.dataset.busy);
      ask().catch(e => { say(e.name === 'InvalidStateError' && note.dataset.exists || note.dataset.none); suggest(); });
    });
    if (auto === '') { setInterval(() => { if (note.hidden) suggest(); }, life + 1e3); suggest(); }
  });
  each('[data-forget]', e => { if (can && can.signalUnknownCredential) can.signalUnknownCredential(JSON.parse(e.dataset.forget)).catch(() => {}); });
  if (can) each('[data-able]', async i => { if (await can.isUserVerifyingPlatformAuthenticatorAvailable()) i.value = 1; });

  // an answer on its way to an app
  each('form[data-submit]', f => f.requestSubmit());
})();
