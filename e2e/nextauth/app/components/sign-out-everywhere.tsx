import { getToken } from 'next-auth/jwt';
import { cookies, headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { signOut } from '@/auth';

// signOut() ends the session of this app alone, and the next sign-in would ask nothing.
// This also ends the one at the provider: it shows the ID token, so nobody is asked "Sign out?".
export function SignOutEverywhere() {
  return (
    <form
      action={async () => {
        'use server';
        const secureCookie = (await cookies()).getAll().some((cookie) => cookie.name.startsWith('__Secure-authjs.'));
        const token = await getToken({
          req: { headers: await headers() },
          secret: process.env.AUTH_SECRET,
          secureCookie,
        });
        const discovery = await fetch(`${process.env.ISSUER}/.well-known/openid-configuration`);
        const end = new URL((await discovery.json()).end_session_endpoint);
        end.searchParams.set('client_id', process.env.CLIENT_ID!);
        end.searchParams.set('post_logout_redirect_uri', process.env.AUTH_URL!);
        if (token?.idToken) end.searchParams.set('id_token_hint', String(token.idToken));
        await signOut({ redirect: false });
        redirect(end.href);
      }}
    >
      <button type="submit">Sign Out Everywhere</button>
    </form>
  );
}
