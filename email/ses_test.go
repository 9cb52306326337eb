package email

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/views/words"
)

// withoutAWS hides the AWS settings of the machine the test runs on.
func withoutAWS(t *testing.T) {
	t.Helper()
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SESV2", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CA_BUNDLE",
		"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "")
	}
}

// sesSettings are complete settings for an SES at endpoint.
func sesSettings(endpoint string) SESConfig {
	return SESConfig{
		AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "example-secret", Region: "eu-central-1", Endpoint: endpoint,
		From:                          "Bücher, Inc. <sign-in@bookstore.example>",
		FromIdentityARN:               "arn:aws:ses:eu-central-1:123456789012:identity/bookstore.example",
		FeedbackForwardingAddress:     "bounces@bookstore.example",
		FeedbackForwardingIdentityARN: "arn:aws:ses:eu-central-1:123456789012:identity/bounces@bookstore.example",
		ConfigurationSet:              "sign-in",
	}
}

func newSES(t *testing.T, c SESConfig) *SES {
	t.Helper()
	s, err := NewSES(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSESv2ServerReceivesTheMail(t *testing.T) {
	withoutAWS(t)
	server := startEmulator(t)
	s := newSES(t, sesSettings(server.url))
	sent := mustCode(t, words.For("de"), sample())
	if err := s.Send(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	mails := server.mails(t)
	if len(mails) != 1 {
		t.Fatalf("the emulator has %d mails, want 1", len(mails))
	}
	got := mails[0]
	from, err := mail.ParseAddress(got.From)
	if err != nil || from.Name != "Bücher, Inc." || from.Address != "sign-in@bookstore.example" || strings.ContainsRune(got.From, 'ü') {
		t.Errorf("from %q: %v", got.From, err)
	}
	if !slices.Equal(got.Destination.To, []string{"ann@example.com"}) || len(got.Destination.Cc)+len(got.Destination.Bcc) != 0 {
		t.Errorf("sent to %+v", got.Destination)
	}
	if got.Subject != sent.Subject || got.Body.Text != sent.Text || got.Body.HTML != sent.HTML {
		t.Errorf("received %+v, want %+v", got, sent)
	}
	if len(got.Headers) != 1 || got.Headers[0].Name != "Auto-Submitted" || got.Headers[0].Value != "auto-generated" {
		t.Errorf("headers %v", got.Headers)
	}
}

func TestSESv2ServerTellsADiagnosisItsSandboxAndQuota(t *testing.T) {
	withoutAWS(t)
	server := startEmulator(t)
	m, err := Test(words.For("en"), "ann@example.com", "id.bookstore.example")
	if err != nil {
		t.Fatal(err)
	}
	d := Diagnose(t.Context(), newSES(t, sesSettings(server.url)), m)
	if !d.Sent || d.Reason != "" || !strings.Contains(strings.Join(d.Facts, " "), "SES sandbox in eu-central-1: mail reaches verified addresses only. 12 of 200 mails") {
		t.Errorf("diagnosis %+v", d)
	}
	if len(server.mails(t)) != 1 {
		t.Errorf("the test mail did not arrive")
	}
}

// wire records one request and answers it as SES would.
func wire(t *testing.T, status int, errorType, body string) (url string, requests chan map[string]any) {
	t.Helper()
	requests = make(chan map[string]any, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		request := map[string]any{"authorization": r.Header.Get("Authorization"), "token": r.Header.Get("X-Amz-Security-Token"), "path": r.URL.Path}
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &request); err != nil {
				t.Errorf("request %s: %v", raw, err)
			}
		}
		requests <- request
		w.Header().Set("Content-Type", "application/json")
		if errorType != "" {
			w.Header().Set("X-Amzn-ErrorType", errorType)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func TestSESRequestCarriesEveryField(t *testing.T) {
	withoutAWS(t)
	url, requests := wire(t, 200, "", `{"MessageId":"1"}`)
	c := sesSettings(url)
	c.SessionToken = "temporary"
	if err := newSES(t, c).Send(t.Context(), mustCode(t, words.For("en"), sample())); err != nil {
		t.Fatal(err)
	}
	got := <-requests
	for field, want := range map[string]string{
		"FromEmailAddressIdentityArn": c.FromIdentityARN, "FeedbackForwardingEmailAddress": c.FeedbackForwardingAddress,
		"FeedbackForwardingEmailAddressIdentityArn": c.FeedbackForwardingIdentityARN, "ConfigurationSetName": "sign-in", "token": "temporary",
	} {
		if got[field] != want {
			t.Errorf("%s is %v, want %s", field, got[field], want)
		}
	}
	if auth := got["authorization"].(string); !strings.Contains(auth, "Credential=AKIAEXAMPLE/") || !strings.Contains(auth, "/eu-central-1/ses/aws4_request") {
		t.Errorf("authorization %s", auth)
	}
}

func TestSESWithoutOptionalSettingsLeavesTheirFieldsOut(t *testing.T) {
	withoutAWS(t)
	url, requests := wire(t, 200, "", `{"MessageId":"1"}`)
	s := newSES(t, SESConfig{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "s", Region: "eu-central-1", Endpoint: url, From: "sign-in@bookstore.example"})
	if err := s.Send(t.Context(), mustCode(t, words.For("en"), sample())); err != nil {
		t.Fatal(err)
	}
	got := <-requests
	for _, field := range []string{"FromEmailAddressIdentityArn", "FeedbackForwardingEmailAddress", "FeedbackForwardingEmailAddressIdentityArn", "ConfigurationSetName", "ReplyToAddresses"} {
		if value, sent := got[field]; sent {
			t.Errorf("%s was sent as %v", field, value)
		}
	}
	if got["FromEmailAddress"] != "sign-in@bookstore.example" {
		t.Errorf("from %v", got["FromEmailAddress"])
	}
}

func TestSESWithoutKeysAsksTheUsualChain(t *testing.T) {
	withoutAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAFROMENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "from-env")
	t.Setenv("AWS_REGION", "us-west-2")
	url, requests := wire(t, 200, "", `{"MessageId":"1"}`)
	s := newSES(t, SESConfig{Endpoint: url, From: "sign-in@bookstore.example"})
	if err := s.Send(t.Context(), mustCode(t, words.For("en"), sample())); err != nil {
		t.Fatal(err)
	}
	if auth := (<-requests)["authorization"].(string); !strings.Contains(auth, "Credential=AKIAFROMENV/") || !strings.Contains(auth, "/us-west-2/") {
		t.Errorf("authorization %s", auth)
	}
}

func TestSESIsAskedOnceHoweverItFails(t *testing.T) {
	withoutAWS(t)
	url, requests := wire(t, 500, "InternalServiceErrorException", `{"message":"try later"}`)
	if err := newSES(t, sesSettings(url)).Send(t.Context(), mustCode(t, words.For("en"), sample())); err == nil {
		t.Fatal("no error")
	}
	if len(requests) != 1 {
		t.Errorf("%d requests, want 1: the outbox decides about the next", len(requests))
	}
}

func TestSESErrorsComeInPlainWords(t *testing.T) {
	withoutAWS(t)
	const notVerified = `{"message":"Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: `
	for name, c := range map[string]struct {
		status    int
		errorType string
		body      string
		kind      Kind
		permanent bool
		reason    string // a part of it
		next      string
	}{
		"sandbox":                  {400, "MessageRejected", notVerified + `ann@example.com"}`, Sandbox, false, "sandbox in eu-central-1", "production access"},
		"sender not verified":      {400, "MessageRejected", notVerified + `sign-in@bookstore.example"}`, Identity, false, "sender sign-in@bookstore.example is not verified", "verify bookstore.example"},
		"both not verified":        {400, "MessageRejected", notVerified + `ann@example.com, Book <sign-in@bookstore.example>"}`, Identity, false, "is not verified", "another region"},
		"address ends alike":       {400, "MessageRejected", notVerified + `joann@example.com"}`, Identity, false, "is not verified", "verify"},
		"content":                  {400, "MessageRejected", `{"message":"Message contains a virus"}`, Content, true, "refused the contents", "own answer"},
		"MAIL FROM":                {400, "MailFromDomainNotVerifiedException", `{"message":"Mail-From domain is not verified"}`, Identity, false, "MAIL FROM", "MX and TXT"},
		"suspended":                {400, "AccountSuspendedException", `{"message":"suspended"}`, Paused, false, "permanently stopped", "another provider"},
		"paused":                   {400, "SendingPausedException", `{"message":"Email sending is disabled for the account"}`, Paused, false, "paused", "resume"},
		"rate":                     {429, "TooManyRequestsException", `{"message":"Maximum sending rate exceeded."}`, Throttled, false, "at this speed", "tried again"},
		"rate, older name":         {400, "ThrottlingException", `{"message":"Maximum sending rate exceeded."}`, Throttled, false, "at this speed", "higher sending rate"},
		"day's quota":              {400, "LimitExceededException", `{"message":"Daily message quota exceeded."}`, Throttled, false, "24 hours", "higher quota"},
		"no such set":              {404, "NotFoundException", `{"message":"Configuration set <sign-in> does not exist."}`, Setting, false, "configuration set sign-in", "spelling"},
		"bad recipient":            {400, "BadRequestException", `{"message":"Missing final '@domain'"}`, Recipient, true, "address", "typing"},
		"bad ARN":                  {400, "BadRequestException", `{"message":"Invalid identity ARN"}`, Setting, false, "value", "identity ARNs"},
		"unknown key":              {403, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`, Keys, false, "does not know this access key", "access_key_id"},
		"unknown key, older name":  {403, "InvalidClientTokenId", `{"message":"The security token included in the request is invalid."}`, Keys, false, "does not know", "access_key_id"},
		"wrong secret":             {403, "SignatureDoesNotMatch", `{"message":"The request signature we calculated does not match the signature you provided."}`, Keys, false, "does not belong", "secret_access_key"},
		"wrong clock":              {403, "InvalidSignatureException", `{"message":"Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z"}`, Keys, false, "clock", "NTP"},
		"expired token":            {403, "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`, Keys, false, "temporary", "IAM user"},
		"no permission":            {403, "AccessDeniedException", `{"message":"User: arn:aws:iam::123456789012:user/x is not authorized to perform: ses:SendEmail"}`, Permission, false, "may not send", "ses:SendEmail"},
		"account not ready":        {403, "SubscriptionRequiredException", `{"message":"The AWS Access Key Id needs a subscription for the service"}`, Permission, false, "cannot use SES", "registration"},
		"nothing signed":           {403, "MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`, Keys, false, "no AWS keys", "Set access_key_id"},
		"nothing signed, no name":  {403, "", `{"message":"Missing Authentication Token"}`, Keys, false, "no AWS keys", "Set access_key_id"},
		"trouble of its own":       {500, "InternalServiceErrorException", `{"message":"x"}`, Provider, false, "trouble of its own", "tried again"},
		"unknown":                  {400, "SomethingNewException", `{"message":"x"}`, Provider, false, "do not know", "own answer"},
		"name with a URI after it": {400, "SendingPausedException:http://internal.amazon.com/coral/com.amazonaws.sesv2/", `{"message":"x"}`, Paused, false, "paused", "resume"},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := wire(t, c.status, c.errorType, c.body)
			err := newSES(t, sesSettings(url)).Send(t.Context(), mustCode(t, words.For("en"), sample()))
			e := wantError(t, err, "ses", c.kind, c.permanent, c.reason, c.next)
			var said struct{ Message string }
			if json.Unmarshal([]byte(c.body), &said); !strings.Contains(e.Answer, said.Message) {
				t.Errorf("answer %q does not have SES's own %q", e.Answer, said.Message)
			}
		})
	}
}

// wantError checks an error and that what may be logged of it names nobody.
func wantError(t *testing.T, err error, provider string, kind Kind, permanent bool, reason, next string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if e.Provider != provider || e.Kind != kind || e.Permanent != permanent {
		t.Errorf("got %s %s permanent=%t, want %s %s permanent=%t (%s)", e.Provider, e.Kind, e.Permanent, provider, kind, permanent, e.Answer)
	}
	if !strings.Contains(e.Reason, reason) || !strings.Contains(e.Next, next) {
		t.Errorf("got reason %q, next %q; want %q and %q in them", e.Reason, e.Next, reason, next)
	}
	for name, text := range map[string]string{"Error": e.Error(), "LogValue": e.LogValue().String(), "Reason": e.Reason, "Next": e.Next} {
		for _, secret := range []string{"ann@", "482019", "t=abc", "example-secret", "hunter2"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s gives %q away: %s", name, secret, text)
			}
		}
	}
	return e
}

func TestSESThatCannotBeReachedSaysWhy(t *testing.T) {
	withoutAWS(t)
	m := mustCode(t, words.For("en"), sample())

	t.Run("connection refused", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		listener.Close()
		wantError(t, newSES(t, sesSettings("http://"+address)).Send(t.Context(), m), "ses", Unreachable, false, "could not be reached", "endpoint")
	})
	t.Run("no such region", func(t *testing.T) {
		s := newSES(t, sesSettings(""))
		err := s.explain(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "email.eu-centrl-1.amazonaws.com", IsNotFound: true}}, m.To)
		wantError(t, err, "ses", Region, false, "no SES in a region called eu-central-1", "Set region")
	})
	t.Run("name not looked up", func(t *testing.T) {
		wantError(t, newSES(t, sesSettings("https://ses.invalid")).Send(t.Context(), m), "ses", Unreachable, false, "could not be looked up", "DNS")
	})
	t.Run("certificate of nobody", func(t *testing.T) {
		server := httptest.NewTLSServer(http.NotFoundHandler())
		server.Config.ErrorLog = quiet
		defer server.Close()
		wantError(t, newSES(t, sesSettings(server.URL)).Send(t.Context(), m), "ses", TLS, false, "not trusted", "AWS_CA_BUNDLE")
	})
	t.Run("no keys anywhere", func(t *testing.T) {
		url, _ := wire(t, 200, "", `{}`)
		s := newSES(t, SESConfig{Region: "eu-central-1", Endpoint: url, From: "sign-in@bookstore.example"})
		wantError(t, s.Send(t.Context(), m), "ses", Keys, false, "No AWS keys were found", "Set access_key_id")
	})
	t.Run("silence", func(t *testing.T) {
		s := newSES(t, sesSettings(""))
		wantError(t, s.explain(context.DeadlineExceeded, m.To), "ses", Unreachable, false, "in time", "443")
	})
}

func TestSESStopsWhenItsCallerDoes(t *testing.T) {
	withoutAWS(t)
	asked, hold := make(chan bool), make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- true; <-hold }))
	defer server.Close()
	defer close(hold)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := newSES(t, sesSettings(server.URL))
	m := mustCode(t, words.For("en"), sample())
	go func() { done <- s.Send(ctx, m) }()
	<-asked
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's error", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Send went on after its context had ended")
	}
}

func TestSESFactsTellTheSandboxAndTheQuota(t *testing.T) {
	withoutAWS(t)
	for body, want := range map[string]string{
		`{"ProductionAccessEnabled":false,"SendingEnabled":true,"SendQuota":{"Max24HourSend":200,"MaxSendRate":1,"SentLast24Hours":12}}`:   "The account is in the SES sandbox in eu-central-1: mail reaches verified addresses only. 12 of 200 mails were sent in the last 24 hours, at most 1 a second.",
		`{"ProductionAccessEnabled":true,"SendingEnabled":false,"SendQuota":{"Max24HourSend":-1,"MaxSendRate":14,"SentLast24Hours":3000}}`: "Sending is switched off for this account in eu-central-1. 3000 mails were sent in the last 24 hours, at most 14 a second; there is no daily limit.",
	} {
		url, requests := wire(t, 200, "", body)
		facts, err := newSES(t, sesSettings(url)).Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(facts, " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if path := (<-requests)["path"]; path != "/v2/email/account" {
			t.Errorf("asked %v", path)
		}
	}
}

func TestSESSettingsThatCannotWorkAreNamed(t *testing.T) {
	withoutAWS(t)
	for name, c := range map[string]struct {
		spoil func(*SESConfig)
		want  string
	}{
		"half a pair of keys":  {func(c *SESConfig) { c.SecretAccessKey = "" }, "belong together"},
		"token without keys":   {func(c *SESConfig) { c.AccessKeyID, c.SecretAccessKey, c.SessionToken = "", "", "t" }, "session_token"},
		"key with a line end":  {func(c *SESConfig) { c.SecretAccessKey += "\n" }, "copy it again"},
		"availability zone":    {func(c *SESConfig) { c.Region = "eu-central-1a" }, "region"},
		"no region":            {func(c *SESConfig) { c.Region = "" }, "region: missing"},
		"no sender":            {func(c *SESConfig) { c.From = "" }, "from"},
		"two senders":          {func(c *SESConfig) { c.From = "a@example.com, b@example.com" }, "from"},
		"header in sender":     {func(c *SESConfig) { c.From = "A\r\nBcc: eve@example.com <a@example.com>" }, "from"},
		"feedback address":     {func(c *SESConfig) { c.FeedbackForwardingAddress = "bounces" }, "feedback_forwarding_address"},
		"from ARN":             {func(c *SESConfig) { c.FromIdentityARN = "bookstore.example" }, "from_identity_arn"},
		"feedback ARN":         {func(c *SESConfig) { c.FeedbackForwardingIdentityARN = "arn:aws:s3:::x" }, "feedback_forwarding_identity_arn"},
		"configuration set":    {func(c *SESConfig) { c.ConfigurationSet = "a b" }, "configuration_set"},
		"endpoint over http":   {func(c *SESConfig) { c.Endpoint = "http://ses.example" }, "endpoint"},
		"endpoint of no kind":  {func(c *SESConfig) { c.Endpoint = "ses.example" }, "endpoint"},
		"endpoint with a user": {func(c *SESConfig) { c.Endpoint = "https://u:p@ses.example" }, "endpoint"},
	} {
		settings := sesSettings("")
		c.spoil(&settings)
		_, err := NewSES(t.Context(), settings)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		} else if strings.Contains(err.Error(), "example-secret") {
			t.Errorf("%s: the error holds the key: %v", name, err)
		}
	}
}
