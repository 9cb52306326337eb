// The Authenticator as its documentation shows it: attributes at sign-up, a provider, and on ?passwordless codes and passkeys instead of passwords.
import { createRoot } from 'react-dom/client';
import { Amplify } from 'aws-amplify';
import * as auth from 'aws-amplify/auth';
import { Hub } from 'aws-amplify/utils';
import { Authenticator } from '@aws-amplify/ui-react';
import '@aws-amplify/ui-react/styles.css';

const passwordless = { emailOtpEnabled: true, webAuthn: { relyingPartyId: 'localhost' }, preferredChallenge: 'EMAIL_OTP' };
const without = location.search === '?passwordless';
Amplify.configure({
  Auth: {
    Cognito: {
      userPoolId: __POOL__,
      userPoolClientId: __CLIENT__,
      userPoolEndpoint: __ENDPOINT__,
      loginWith: { email: true },
      ...(without ? { passwordless } : {}),
    },
  },
});

window.events = [];
Hub.listen('auth', ({ payload }) => window.events.push(payload.event));

const plain = (v) => JSON.parse(JSON.stringify(v ?? null));
window.call = async (name, input) => {
  try {
    const v = await auth[name](input);
    if (name === 'fetchAuthSession') return { ok: { access: v.tokens?.accessToken?.toString(), id: v.tokens?.idToken?.toString(), sub: v.userSub } };
    return { ok: plain(v) };
  } catch (e) { return { err: { name: e.name, message: e.message } }; }
};

createRoot(document.getElementById('root')).render(
  <Authenticator signUpAttributes={['name', 'birthdate']} loginMechanisms={['email']} socialProviders={['google']} passwordless={without ? { passkeyRegistrationPrompts: true } : undefined}>
    {({ signOut, user }) => (
      <main>
        <h1 id="hello">Hello {user?.signInDetails?.loginId}</h1>
        <button id="signout" onClick={signOut}>Sign out</button>
      </main>
    )}
  </Authenticator>,
);
window.ready = true;
