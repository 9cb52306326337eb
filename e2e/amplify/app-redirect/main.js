// An application that signs in by the hosted pages, configured as Amplify's documentation says, plus the endpoint.
import { Amplify } from 'aws-amplify';
import * as auth from 'aws-amplify/auth';
import 'aws-amplify/auth/enable-oauth-listener';

const here = window.location.origin + '/';
Amplify.configure({
  Auth: {
    Cognito: {
      userPoolId: __POOL__,
      userPoolClientId: __CLIENT__,
      userPoolEndpoint: __ENDPOINT__,
      loginWith: { oauth: { domain: __DOMAIN__, scopes: ['openid', 'email', 'profile', 'aws.cognito.signin.user.admin'], redirectSignIn: [here], redirectSignOut: [here], responseType: 'code' } },
    },
  },
});

const plain = (v) => JSON.parse(JSON.stringify(v ?? null));
window.call = async (name, input) => {
  try {
    const v = await auth[name](input);
    if (name === 'fetchAuthSession') return { ok: { access: v.tokens?.accessToken?.toString(), id: v.tokens?.idToken?.toString(), sub: v.userSub } };
    return { ok: plain(v) };
  } catch (e) { return { err: { name: e.name, message: e.message } }; }
};
window.ready = true;
