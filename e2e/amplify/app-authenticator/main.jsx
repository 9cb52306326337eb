// The tutorial's app: withAuthenticator around a page that greets the user and can sign out.
import { createRoot } from 'react-dom/client';
import { Amplify } from 'aws-amplify';
import * as auth from 'aws-amplify/auth';
import { withAuthenticator } from '@aws-amplify/ui-react';
import '@aws-amplify/ui-react/styles.css';

Amplify.configure({ Auth: { Cognito: { userPoolId: __POOL__, userPoolClientId: __CLIENT__, userPoolEndpoint: __ENDPOINT__, loginWith: { email: true } } } });

const plain = (v) => JSON.parse(JSON.stringify(v ?? null));
window.call = async (name, input) => { try { return { ok: plain(await auth[name](input)) }; } catch (e) { return { err: { name: e.name, message: e.message } }; } };

function App({ signOut, user }) {
  return (
    <>
      <h1 id="hello">Hello {user?.username}</h1>
      <button id="signout" onClick={signOut}>Sign out</button>
    </>
  );
}
const Page = withAuthenticator(App);
createRoot(document.getElementById('root')).render(<Page />);
