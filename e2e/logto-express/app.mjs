// The Express app of the Logto guide, with three more routes that show what the SDK holds.
import { handleAuthRoutes, withLogto } from '@logto/express';
import cookieParser from 'cookie-parser';
import session from 'express-session';
import express from 'express';

const config = {
  appId: process.env.CLIENT_ID,
  appSecret: process.env.CLIENT_SECRET,
  endpoint: process.env.LOGTO_ENDPOINT,
  baseUrl: process.env.BASE_URL,
  scopes: ['email'],
};

const app = express();
app.use(cookieParser());
app.use(session({ secret: 'random_session_key', cookie: { maxAge: 14 * 24 * 60 * 60 * 1000 }, resave: false, saveUninitialized: true }));
app.use(handleAuthRoutes(config));

app.get('/', withLogto(config), (req, res) => {
  res.setHeader('content-type', 'text/html');
  if (req.user.isAuthenticated) {
    res.end(`<div>Hello ${req.user.claims?.sub}, <a href="/logto/sign-out">Sign Out</a></div>`);
  } else {
    res.end('<div><a href="/logto/sign-in">Sign In</a></div>');
  }
});

app.get('/userinfo', withLogto({ ...config, fetchUserInfo: true }), (req, res) => res.json(req.user));
app.get('/token', withLogto({ ...config, getAccessToken: true }), (req, res) => res.json({ ...req.user, hasRefreshToken: Boolean(req.session.refreshToken) }));

// Makes the SDK believe that its access tokens are over, so that the next call needs the refresh token.
app.get('/expire', (req, res) => {
  const tokens = JSON.parse(req.session.accessToken ?? '{}');
  for (const token of Object.values(tokens)) token.expiresAt = 1;
  req.session.accessToken = JSON.stringify(tokens);
  res.json({});
});

app.use((error, req, res, next) => {
  console.error('error', error?.code, error?.message, error?.data ?? error?.cause ?? '');
  res.status(500).json({ error: String(error?.message ?? error), code: error?.code });
});
app.listen(Number(process.env.PORT), '127.0.0.1');
