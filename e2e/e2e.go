// Package e2e holds the journeys of real clients and real browsers: each test starts the gatelatch program as a person
// would, with a data folder and an address of its own, and looks at it from outside only.
//
// A folder is a client somebody else wrote, in an app as its guide has it: nextauth (Auth.js in Next.js), nextauth4
// (next-auth 4), logto-express (@logto/express), openid-client (openid-client and jose), spa (oidc-client-ts), mcp
// (the SDK of the Model Context Protocol), social (oidc-provider, whose accounts sign in here). pages and demo are Chromium before our own pages; lib is what they share; ses
// is an emulator of Amazon's mail service. relyingparty_test.go is an app in Go, person_test.go somebody with cookies and
// a mailbox who needs no browser. README.md says how to run one of them alone.
//
// Node or Chromium missing is a loud skip, and a failure where CI is set.
package e2e
