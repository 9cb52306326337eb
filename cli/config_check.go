package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatelatch/email"
	"gatelatch/server/authn"
)

// check looks at what no single setting can know: addresses, and settings that need each other.
func (c *Config) check() error {
	for _, step := range []func() error{
		c.checkListen, c.checkPublicURL, c.checkIssuerPath, c.checkTLS, c.checkDatabase,
		c.checkLanguages, c.checkLinks, c.checkEmail, c.checkLifetimes, c.checkSignIn, c.checkPasswords, c.checkPasskeys, c.checkClients, c.checkConnections,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// complain is the message for a setting that is wrong; the value is shown unless it is a secret.
func (c *Config) complain(key, format string, args ...any) error {
	for _, s := range c.Settings {
		if s.Key != key {
			continue
		}
		is := "is empty"
		if s.Value != "" {
			is = fmt.Sprintf("is %q", s.Value)
		}
		if s.tag.Get("secret") != "" {
			is = "does not fit"
		}
		place := s.Source + ": "
		if s.Source == "default" {
			place = ""
		}
		return fmt.Errorf("%s%s %s; %s", place, key, is, fmt.Sprintf(format, args...))
	}
	panic("cli: no setting is called " + key)
}

func (c *Config) checkListen() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return c.complain("listen", "expected host:port, such as localhost:4283 or 0.0.0.0:443")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return c.complain("listen", "expected a port between 0 and 65535 after the colon (0 picks a free one)")
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		return c.complain("listen", "expected localhost or an IP address of this machine before the colon; the name people use goes into public_url")
	}
	return nil
}

func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		return nil // follows the address listened on
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil {
		return c.complain("public_url", "expected the address people type, such as https://id.example.com")
	}
	if strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(c.PublicURL, "?#") {
		return c.complain("public_url", "expected only scheme, host and port: nothing may follow them. Paths such as /oidc are added by Gatelatch")
	}
	if u.Port() == "0" {
		return c.complain("public_url", "0 is not a port people can visit. Leave public_url out to follow the address listened on")
	}
	if (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		return c.complain("public_url", "leave :%s out: it is what %s means anyway, and applications compare the issuer letter by letter", u.Port(), u.Scheme)
	}
	c.public = &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		c.Warnings = append(c.Warnings, "public_url is plain http: everybody on the way can read codes and tokens. Use https outside a trusted network.")
	}
	return nil
}

func (c *Config) checkIssuerPath() error {
	if c.IssuerPath == "/" {
		return nil // the issuer is the public address itself
	}
	if !regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`).MatchString(c.IssuerPath) || strings.Contains(c.IssuerPath, "/.") {
		return c.complain("issuer_path", "expected a path such as /oidc without a slash at its end, or / for none")
	}
	return nil
}

func (c *Config) checkTLS() error {
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		missing := "tls.cert"
		if c.TLS.Key == "" {
			missing = "tls.key"
		}
		return c.complain(missing, "certificate and key belong together. Set both, or neither and let a proxy speak https")
	}
	if c.TLS.Cert != "" && c.public != nil && c.public.Scheme == "http" {
		return c.complain("public_url", "with tls.cert the address begins with https://")
	}
	return nil
}

func (c *Config) checkDatabase() error {
	if c.Database.URL == "" {
		return nil
	}
	u, err := url.Parse(c.Database.URL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || strings.Trim(u.Path, "/") == "" {
		return c.complain("database.url", "expected postgres://user:password@host/database. Leave it out for the embedded SQLite")
	}
	return nil
}

func (c *Config) checkLanguages() error {
	library, warnings, err := readWords(c.Languages.Folder)
	if err != nil {
		return err
	}
	c.Languages.library = library
	c.Warnings = append(c.Warnings, warnings...)
	if !library.Has(c.Languages.Default) {
		var spoken []string
		for _, l := range library.Languages() {
			spoken = append(spoken, l.Tag)
		}
		return c.complain("languages.default", "expected a language that is spoken here: %s", orList(spoken))
	}
	return nil
}

// maxRelatedOrigins is how many sites browsers look at (WebAuthn Level 3 §5.11.1 demands at least five).
const maxRelatedOrigins = 5

// checkPasskeys looks at the sites that may use the passkeys of this server.
func (c *Config) checkPasskeys() error {
	for _, text := range c.SignIn.RelatedOrigins {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.Host == "" || text != "https://"+strings.ToLower(u.Host) {
			return c.complain("sign_in.related_origins", "each is an origin such as https://shop.example.com, in small letters and with nothing after the host")
		}
	}
	if len(c.SignIn.RelatedOrigins) > maxRelatedOrigins {
		return c.complain("sign_in.related_origins", "browsers look at %d at most", maxRelatedOrigins)
	}
	return nil
}

// checkLinks looks at the addresses in the footer of pages.
func (c *Config) checkLinks() error {
	for key, text := range map[string]string{"privacy_url": c.PrivacyURL, "help_url": c.HelpURL} {
		u, err := url.Parse(text)
		if text != "" && (err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "") {
			return c.complain(key, "expected the whole address of a page, such as https://example.com/privacy")
		}
	}
	return nil
}

// checkEmail also refuses the silent loss of codes: away from loopback nobody sees the inbox page by chance.
func (c *Config) checkEmail() error {
	if c.Email.From != "" {
		if _, err := email.ParseFrom(c.Email.From); err != nil {
			return c.complain("email.from", "expected an address such as Bookstore <sign-in@example.com> (%v)", err)
		}
	}
	switch c.Email.Provider {
	case "":
		if c.public != nil && !isLoopback(c.public.Hostname()) {
			return c.complain("email.provider", "public_url is %s, and without a mailer nobody there would get a code. "+
				"Set email.provider to ses or smtp, or to inbox if mail shall wait in the admin's inbox page", c.public)
		}
		if c.Email.SMTP.URL != "" {
			return c.complain("email.provider", "email.smtp.url is set. Set email.provider to smtp to use it")
		}
		c.Email.Provider = "inbox"
	case "ses":
		if (c.Email.SES.AccessKeyID == "") != (c.Email.SES.SecretAccessKey == "") {
			return c.complain("email.ses.access_key_id", "email.ses.access_key_id and email.ses.secret_access_key belong together. Leave both out for the usual AWS credentials")
		}
		if c.Email.From == "" {
			return c.complain("email.from", "SES needs the verified address that mail comes from, such as Bookstore <sign-in@example.com>")
		}
	case "smtp":
		if c.Email.From == "" {
			return c.complain("email.from", "SMTP needs the address that mail comes from, such as Bookstore <sign-in@example.com>")
		}
		if _, err := email.NewSMTP(c.smtp()); err != nil {
			return c.complain("email.smtp.url", "expected smtps://user:password@host:465, or smtp://… for STARTTLS (%v)", err)
		}
	}
	return c.checkTemplates()
}

// checkTemplates reads the templates file and leaves the judgement of a template to those who fill it in.
func (c *Config) checkTemplates() error {
	if file := c.Email.TemplatesFile; file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("email.templates_file: %w", err)
		}
		if c.Email.pasted, err = email.ReadTemplates(raw); err != nil {
			return fmt.Errorf("email.templates_file is %s: %w", file, err)
		}
	}
	if _, err := email.NewTemplates(c.templates()); err != nil {
		return c.complain("email.templates", "%v", err)
	}
	return nil
}

func (c *Config) checkLifetimes() error {
	switch l := c.Lifetimes; {
	case l.Code.Seconds() > 60:
		return c.complain("lifetimes.code", "expected at most 60s: an application exchanges it at once")
	case l.IDToken.Hours() > 1:
		return c.complain("lifetimes.id_token", "expected at most 1h: it says who has just signed in; the application's own session may be longer")
	case l.RefreshGrace.Seconds() > 120:
		return c.complain("lifetimes.refresh_grace", "expected at most 2m: within it a stolen refresh token is not noticed")
	case l.OTP.Minutes() > 10:
		return c.complain("lifetimes.otp", "expected at most 10m: a mailed code is short and must not live longer (NIST SP 800-63B)")
	case l.RefreshIdle > l.RefreshAbsolute:
		return c.complain("lifetimes.refresh_idle", "expected at most lifetimes.refresh_absolute, which is %s", formatDuration(l.RefreshAbsolute))
	case l.SessionIdle > l.SessionAbsolute:
		return c.complain("lifetimes.session_idle", "expected at most lifetimes.session_absolute, which is %s", formatDuration(l.SessionAbsolute))
	}
	return nil
}

var (
	clientIDPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{2,63}$`)
	clientSecretPattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{32,256}$`)
)

// checkClients looks at names and secrets. The rules for redirect URIs live with the API, which checks them at start.
func (c *Config) checkClients() error {
	seen := map[string]bool{}
	for i := range c.Clients {
		client := &c.Clients[i]
		if !clientIDPattern.MatchString(client.ClientID) {
			return c.complain("clients", "entry %d has the client_id %q. Expected 3 to 64 letters, digits, _ and -", i+1, client.ClientID)
		}
		if name := strings.ToLower(envName(client.ClientID)); seen[name] {
			return c.complain("clients", "%s is declared twice. Keep one", client.ClientID)
		} else {
			seen[name] = true
		}
		if client.ClientName == "" {
			client.ClientName = client.ClientID
		}
		switch {
		case client.Type != "web" && client.Type != "m2m" && client.ClientSecret != "":
			return c.complain("clients", "%s is of type %s, which cannot keep a secret. Remove client_secret", client.ClientID, client.Type)
		case client.TokenEndpointAuthMethod == "private_key_jwt" && client.ClientSecret != "":
			return c.complain("clients", "%s proves who it is by private_key_jwt, which has no secret. Remove client_secret", client.ClientID)
		case (client.Type == "web" || client.Type == "m2m") && client.TokenEndpointAuthMethod != "private_key_jwt" && !clientSecretPattern.MatchString(client.ClientSecret):
			return c.complain("clients", "%s needs a client_secret of 32 or more letters, digits and . _ ~ - (try: openssl rand -hex 32). %s keeps it out of the file",
				client.ClientID, clientSecretEnv(client.ClientID)+"_FILE")
		}
	}
	return nil
}

// isLoopback says whether a host name or address means this machine.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// publicURL is the address people use. Where none is configured it follows the address listened on.
func (c *Config) publicURL(listen string) *url.URL {
	if c.public != nil {
		return c.public
	}
	u := &url.URL{Scheme: "http"}
	if c.TLS.Cert != "" {
		u.Scheme = "https"
	}
	_, port, _ := net.SplitHostPort(listen)
	u.Host = "localhost:" + port
	if (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		u.Host = "localhost"
	}
	return u
}

// issuer is the issuer at a public address, letter by letter.
func (c *Config) issuer(public *url.URL) string {
	return public.String() + strings.TrimSuffix(c.IssuerPath, "/")
}

// socket is where a running server answers the commands.
func (c *Config) socket() string { return filepath.Join(c.Data, "gatelatch.sock") }

// Bounds of argon2id. The least is what every row of OWASP's recommended parameters comes to.
const (
	leastHashWork = 35840 // KiB × iterations
	mostHashKiB   = 128 << 10
	mostHashWork  = 1 << 20
	mostLanes     = 16
	mostAtOnce    = 1024
)

func (c *Config) checkSignIn() error {
	s := c.SignIn
	for i, m := range s.Methods {
		if !slices.Contains(authn.FirstMethods, authn.Method(m)) || slices.Contains(s.Methods[:i], m) {
			return c.complain("sign_in.methods", "expected some of %s, each once", authn.MethodList(authn.FirstMethods, ", "))
		}
	}
	for _, m := range s.SecondFactors {
		if !slices.Contains(authn.SecondFactorChoices, authn.Method(m)) {
			return c.complain("sign_in.second_factors", "expected some of %s", authn.MethodList(authn.SecondFactorChoices, ", "))
		}
	}
	for name, rules := range map[string][]string{"allowed_domains": s.AllowedDomains, "refused_domains": s.RefusedDomains} {
		for i, rule := range rules {
			var err error
			if rules[i], err = authn.Domain(name, rule); err != nil {
				return c.complain("sign_in."+name, "expected domains such as example.com, or .example.com with all below it")
			}
		}
	}
	if s.SecondFactor == authn.SecondFactorInGroups && len(s.SecondFactorGroups) == 0 {
		return c.complain("sign_in.second_factor_groups", "name the groups whose members need a second factor")
	}
	return c.checkAsked()
}

// checkAsked reads what people are asked for.
func (c *Config) checkAsked() error {
	s := &c.SignIn
	if s.Attributes != "" {
		var err error
		if s.asked, err = authn.ReadFields([]byte(s.Attributes)); err != nil {
			return c.unlike("sign_in.attributes", err)
		}
	}
	x := authn.Experience{Attributes: s.asked, TermsURL: s.TermsURL, TermsVersion: s.TermsVersion, PrivacyURL: s.PrivacyURL, PrivacyVersion: s.PrivacyVersion}
	var bad *authn.BadChoice
	if err := x.CheckAsked(); errors.As(err, &bad) {
		return c.unlike("sign_in."+bad.Name, errors.New(bad.Why))
	}
	return nil
}

// unlike is the message for a setting that is too long to be repeated.
func (c *Config) unlike(key string, err error) error {
	for _, s := range c.Settings {
		if s.Key == key {
			return fmt.Errorf("%s: %s does not fit: %w", s.Source, key, err)
		}
	}
	panic("cli: no setting is called " + key)
}

func (c *Config) checkPasswords() error {
	p := c.Passwords
	switch work := p.MemoryKiB * p.Iterations; {
	case p.MemoryKiB > mostHashKiB:
		return c.complain("passwords.memory_kib", "expected at most %d: every sign-in takes that much memory", mostHashKiB)
	case p.Iterations > mostHashWork, work > mostHashWork:
		return c.complain("passwords.iterations", "with %d KiB expected at most %d: every sign-in takes that long", p.MemoryKiB, mostHashWork/p.MemoryKiB)
	case work < leastHashWork:
		return c.complain("passwords.iterations", "with %d KiB it takes %d at least, or passwords that leak are guessed too fast", p.MemoryKiB, (leastHashWork+p.MemoryKiB-1)/p.MemoryKiB)
	case p.Parallelism > mostLanes:
		return c.complain("passwords.parallelism", "expected at most %d", mostLanes)
	case p.Concurrency > mostAtOnce:
		return c.complain("passwords.concurrency", "expected at most %d", mostAtOnce)
	case p.Minimum > 64:
		return c.complain("passwords.minimum", "expected at most 64: people have to think of one")
	case p.MinimumWithSecondFactor > p.Minimum:
		return c.complain("passwords.minimum_with_second_factor", "expected no more than passwords.minimum, %d", p.Minimum)
	}
	if p.LeakedList != "" {
		u, err := url.Parse(p.LeakedList)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return c.complain("passwords.leaked_list", "expected an address to which five digits of a hash can be added, such as https://api.pwnedpasswords.com/range")
		}
	}
	return nil
}

// checkConnections looks at names. What a provider needs is known by the API, which checks it at start.
func (c *Config) checkConnections() error {
	seen := map[string]bool{}
	for i := range c.Connections {
		k := &c.Connections[i]
		k.ID = cmp.Or(k.ID, k.Kind)
		name := envName(k.ID)
		switch {
		case k.Kind == "":
			return c.complain("connections", "entry %d has no kind, such as google or oidc", i+1)
		case seen[name]:
			return c.complain("connections", "%s is declared twice. Give one of them an id of its own", k.ID)
		}
		seen[name] = true
		for _, claim := range k.Claims {
			if here, there, ok := strings.Cut(claim, "="); !ok || here == "" || there == "" {
				return c.complain("connections", "%s has the claim %q. Expected HERE=THERE, such as given_name=first_name", k.ID, claim)
			}
		}
	}
	return nil
}
