// The provider is the tutorial's, letter for letter; only its three values come from the environment.
import NextAuth from 'next-auth';

export const { handlers, signIn, signOut, auth } = NextAuth({
  providers: [
    {
      id: 'logto',
      name: 'Logto',
      type: 'oidc',
      issuer: process.env.ISSUER,
      clientId: process.env.CLIENT_ID,
      clientSecret: process.env.CLIENT_SECRET,
      authorization: {
        params: { scope: 'openid offline_access profile email' },
      },
      profile(profile) {
        return {
          id: profile.sub,
          name: profile.name ?? profile.username,
          email: profile.email,
          image: profile.picture,
        };
      },
    },
  ],
  callbacks: {
    // Keeps the ID token (for the sign-out everywhere) and its claims in the encrypted cookie.
    jwt({ token, account, profile }) {
      if (account) {
        token.sub = profile?.sub ?? undefined;
        token.idToken = account.id_token;
        token.claims = profile;
        token.tokens = { scope: account.scope, type: account.token_type, refresh: Boolean(account.refresh_token) };
      }
      return token;
    },
    // Shows the journey what the app knows. The ID token stays out: scripts in the page could read it.
    session({ session, token }) {
      return { ...session, user: { ...session.user, id: token.sub }, claims: token.claims, tokens: token.tokens };
    },
  },
});
