package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
)

// load reads a configuration from text, with a data folder that holds nothing.
func load(t *testing.T, yaml string, env ...string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	src := Sources{Env: env, Flags: map[string]string{"data": dir}}
	if yaml != "" {
		src.File = filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(src.File, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := LoadConfig(src)
	if err != nil {
		err = &shortened{strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")}
	}
	return c, err
}

// shortened is an error without the temporary folder in its text.
type shortened struct{ text string }

func (s *shortened) Error() string { return s.text }

func source(c *Config, key string) string {
	for _, s := range c.Settings {
		if s.Key == key {
			return filepath.Base(s.Source)
		}
	}
	return "no such setting"
}

func TestNoConfigurationGivesTheDefaults(t *testing.T) {
	c, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "localhost:4283" || c.IssuerPath != "/oidc" || c.Email.Provider != "inbox" || !c.Email.CodeInSubject {
		t.Errorf("defaults are %q %q %q %v", c.Listen, c.IssuerPath, c.Email.Provider, c.Email.CodeInSubject)
	}
	if c.Lifetimes.RefreshAbsolute != 365*24*time.Hour || c.Lifetimes.Code != time.Minute || c.Budgets.MailsHour != 1000 {
		t.Errorf("numbers are %v %v %d", c.Lifetimes.RefreshAbsolute, c.Lifetimes.Code, c.Budgets.MailsHour)
	}
	if got := c.issuer(c.publicURL("127.0.0.1:4283")); got != "http://localhost:4283/oidc" {
		t.Errorf("issuer is %s", got)
	}
}

func TestFlagsWinOverEnvironmentOverFileOverDefaults(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:1\nlog:\n  level: warn\n  format: json\npublic_url: http://localhost:9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(Sources{
		File:  file,
		Env:   []string{"GATELATCH_LISTEN=127.0.0.1:2", "GATELATCH_LOG_LEVEL=error", "PATH=/bin"},
		Flags: map[string]string{"listen": "127.0.0.1:3", "data": dir},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.Log.Level != "error" || c.Log.Format != "json" || c.Languages.Default != "en" {
		t.Errorf("got listen %s, level %s, format %s, language %s", c.Listen, c.Log.Level, c.Log.Format, c.Languages.Default)
	}
	for key, want := range map[string]string{
		"listen": "--listen", "log.level": "GATELATCH_LOG_LEVEL", "log.format": "c.yaml line 4", "languages.default": "default",
	} {
		if got := source(c, key); got != want {
			t.Errorf("%s comes from %q, want %q", key, got, want)
		}
	}
}

func TestConfigurationInTheDataFolderIsFound(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gatelatch.yaml"), []byte("sign_up: closed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]Sources{
		"flag":        {Flags: map[string]string{"data": dir}},
		"environment": {Env: []string{"GATELATCH_DATA=" + dir}},
	} {
		c, err := LoadConfig(src)
		if err != nil || c.SignUp != "closed" {
			t.Errorf("%s: sign_up %q, %v", name, c.SignUp, err)
		}
	}
}

func TestEveryKeyHasAVariableAndItsFile(t *testing.T) {
	dir := t.TempDir()
	secretFile := filepath.Join(dir, "secret")
	if err := os.WriteFile(secretFile, []byte("smtps://a:b@mail.example.com:465\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, "", "GATELATCH_EMAIL_SMTP_URL_FILE="+secretFile, "GATELATCH_EMAIL_PROVIDER=smtp",
		"GATELATCH_EMAIL_FROM=Bookstore <a@example.com>", "GATELATCH_TRUSTED_PROXIES=10.0.0.0/8, 127.0.0.1",
		"GATELATCH_KEY_FILE=/k", "GATELATCH_TLS_CERT_FILE=/c.pem", "GATELATCH_TLS_KEY=/k.pem",
		"GATELATCH_LIFETIMES_REFRESH_IDLE=20d", "GATELATCH_EMAIL_CODE_IN_SUBJECT=false",
		"GATELATCH_CLIENTS=[{client_id: shop, client_secret: "+strings.Repeat("s", 32)+", redirect_uris: [https://a.example/cb]}]")
	if err != nil {
		t.Fatal(err)
	}
	if c.Email.SMTP.URL != "smtps://a:b@mail.example.com:465" {
		t.Errorf("smtp url from file is %q", c.Email.SMTP.URL)
	}
	if got := source(c, "email.smtp.url"); got != "GATELATCH_EMAIL_SMTP_URL_FILE" {
		t.Errorf("its source is %q", got)
	}
	if c.KeyFile != "/k" || c.TLS.Cert != "/c.pem" || len(c.TrustedProxies) != 2 || c.TrustedProxies[1].String() != "127.0.0.1/32" {
		t.Errorf("got %q %q %v", c.KeyFile, c.TLS.Cert, c.TrustedProxies)
	}
	if c.Lifetimes.RefreshIdle != 20*24*time.Hour || c.Email.CodeInSubject || len(c.Clients) != 1 || c.Clients[0].RedirectURIs[0] != "https://a.example/cb" {
		t.Errorf("got %v %v %+v", c.Lifetimes.RefreshIdle, c.Email.CodeInSubject, c.Clients)
	}
	for _, s := range c.Settings {
		if s.tag.Get("secret") != "" && s.Value != "" {
			t.Errorf("%s shows its secret", s.Key)
		}
	}
}

func TestSecretOfADeclaredClientComesByEnvironment(t *testing.T) {
	secret := strings.Repeat("x", 40)
	c, err := load(t, "clients:\n  - client_id: book-store\n    redirect_uris: [https://a.example/cb]\n", "GATELATCH_CLIENTS_BOOK_STORE_SECRET="+secret)
	if err != nil {
		t.Fatal(err)
	}
	if c.Clients[0].ClientSecret != secret || c.Clients[0].ClientName != "book-store" {
		t.Errorf("got %+v", c.Clients[0])
	}
}

func TestBadConfigurationStopsWithOneClearMessage(t *testing.T) {
	web := "clients:\n  - client_id: shop\n    client_secret: " + strings.Repeat("s", 32) + "\n"
	cases := []struct {
		name, yaml string
		env        []string
		want       string
	}{
		{"misspelled key", "log:\n  levl: info\n", nil, "config.yaml line 2: log.levl is not a setting. Did you mean log.level?"},
		{"swapped letters at the top", "lisetn: a\n", nil, "config.yaml line 1: lisetn is not a setting. Did you mean listen?"},
		{"key in the wrong section", "email:\n  url: x\n", nil, "config.yaml line 2: email.url is not a setting. Did you mean email.smtp.url?"},
		{"flattened key", "smtp_url: x\n", nil, "config.yaml line 1: smtp_url is not a setting. Did you mean email.smtp.url?"},
		{"nothing near", "frobnicate: 1\n", nil, "config.yaml line 1: frobnicate is not a setting. config.example.yaml lists every setting"},
		{"word for a number", "\nbudgets:\n  mails_hour: many\n", nil, `config.yaml line 3: budgets.mails_hour is "many"; expected a whole number. Change it, or leave it out for 1000`},
		{"number too small", "budgets: {mails_hour: 0}\n", nil, `config.yaml line 1: budgets.mails_hour is "0"; expected 1 or more. Change it, or leave it out for 1000`},
		{"duration without unit", "lifetimes:\n  otp: 10\n", nil, `config.yaml line 2: lifetimes.otp is "10"; expected a duration such as 90s, 10m, 12h or 30d. Change it, or leave it out for 10m`},
		{"word outside the choice", "log:\n  format: xml\n", nil, `config.yaml line 2: log.format is "xml"; expected text or json. Change it, or leave it out for text`},
		{"yes for true", "email:\n  code_in_subject: yes\n", nil, `config.yaml line 2: email.code_in_subject is "yes"; expected true or false. Change it, or leave it out for true`},
		{"value for a section", "email: smtp\n", nil, "config.yaml line 1: email holds a single value. Expected lines of the form key: value below it"},
		{"section for a value", "listen:\n  host: x\n", nil, "config.yaml line 1: listen does not fit; expected a single value. Change it, or leave it out for localhost:4283"},
		{"value for a list", "trusted_proxies: 10.0.0.1\n", nil, `config.yaml line 1: trusted_proxies is "10.0.0.1"; expected a list, one value a line, each line beginning with a dash. Change it`},
		{"bad network", "trusted_proxies: [10.0.0.0/99]\n", nil, "config.yaml line 1: trusted_proxies does not fit; expected addresses or networks such as 10.0.0.0/8 or 192.168.1.5. Change it"},
		{"key of a client", "clients:\n  - client_id: shop\n    redirect_uri: x\n", nil, "config.yaml line 3: redirect_uri is not a setting here. Did you mean redirect_uris?"},
		{"type of a client", "clients:\n  - client_id: shop\n    type: desktop\n", nil, `config.yaml line 3: type is "desktop"; expected web, spa, native or m2m. Change it, or leave it out for web`},
		{"twice the same key", "listen: a:1\nlisten: b:2\n", nil, `config.yaml line 2: this is not YAML as it stands: mapping key "listen" already defined at [1:1]. Look at this line and the one above it`},
		{"not YAML", "log: [\n", nil, "config.yaml line 1: this is not YAML as it stands"},
		{"two documents", "listen: a:1\n---\nlisten: b:2\n", nil, "config.yaml line 3: a second document begins"},
		{"unknown variable", "", []string{"GATELATCH_SIGNUP=closed"}, "GATELATCH_SIGNUP is set, but it is not a setting. Did you mean GATELATCH_SIGN_UP?"},
		{"variable and its file", "", []string{"GATELATCH_LISTEN=a:1", "GATELATCH_LISTEN_FILE=/x"}, "GATELATCH_LISTEN and GATELATCH_LISTEN_FILE are both set. Keep one of them"},
		{"file of a variable is gone", "", []string{"GATELATCH_DATABASE_URL_FILE=/does/not/exist"}, "GATELATCH_DATABASE_URL_FILE: the file it names cannot be read: open /does/not/exist"},
		{"secret is never shown", "database:\n  url: mysql://root:hunter2@h/db\n", nil, "config.yaml line 2: database.url does not fit; expected postgres://user:password@host/database. Leave it out for the embedded SQLite"},
		{"secret for no client", web, []string{"GATELATCH_CLIENTS_SHOPP_SECRET=x"}, "GATELATCH_CLIENTS_SHOPP_SECRET is set, but no client of that name is declared"},
		{"no port", "listen: localhost\n", nil, `config.yaml line 1: listen is "localhost"; expected host:port`},
		{"port of a word", "listen: localhost:http\n", nil, "expected a port between 0 and 65535"},
		{"name to listen on", "listen: id.example.com:443\n", nil, "expected localhost or an IP address of this machine"},
		{"path in the address", "public_url: https://a.example/auth\n", nil, "expected only scheme, host and port"},
		{"address without scheme", "public_url: a.example\n", nil, "expected the address people type, such as https://id.example.com"},
		{"user in the address", "public_url: https://me@a.example\n", nil, "expected the address people type"},
		{"default port", "public_url: https://a.example:443\n", nil, "leave :443 out"},
		{"no mailer", "public_url: https://a.example\n", nil, "email.provider is empty; public_url is https://a.example, and without a mailer nobody there would get a code. Set email.provider to ses or smtp, or to inbox"},
		{"half a certificate", "tls:\n  cert: /c.pem\n", nil, "tls.key is empty; certificate and key belong together"},
		{"certificate and http", "tls: {cert: /c, key: /k}\npublic_url: http://localhost:4283\n", nil, "with tls.cert the address begins with https://"},
		{"link that is none", "help_url: javascript:alert(1)\n", nil, "expected the whole address of a page"},
		{"slash at the end of the path", "issuer_path: /oidc/\n", nil, "expected a path such as /oidc without a slash at its end"},
		{"SES with half its keys", "email: {provider: ses, from: a@example.com, ses: {region: eu-central-1, access_key_id: AK}}\n", nil, "belong together"},
		{"SES without from", "email: {provider: ses}\n", nil, "email.from is empty; SES needs the verified address"},
		{"SMTP without address", "email: {provider: smtp, from: a@example.com}\n", nil, "email.smtp.url does not fit; expected smtps://user:password@host:465"},
		{"SMTP without from", "email: {provider: smtp, smtp: {url: \"smtps://h\"}}\n", nil, "email.from is empty; SMTP needs the address"},
		{"SMTP that is not used", "email: {smtp: {url: \"smtps://h\"}}\n", nil, "Set email.provider to smtp to use it"},
		{"from is no address", "email:\n  from: me\n", nil, "expected an address such as Bookstore <sign-in@example.com>"},
		{"template without code", "email: {templates: [{usage: SignIn, subject: s, text: hello}]}\n", nil, "{{code}}"},
		{"method that is none", "sign_in: {methods: [code, magic]}\n", nil, "expected some of code, password"},
		{"attributes that are none", "sign_in: {attributes: [{name: company, tipe: text}]}\n", nil, "line 1: sign_in.attributes does not fit: read attributes"},
		{"attribute without a type", "sign_in:\n  attributes:\n  - name: company\n", nil, "line 2: sign_in.attributes does not fit: \"company\" is no attribute of the standard"},
		{"attribute that a form needs", "sign_in: {attributes: [{name: accept, type: text}]}\n", nil, "\"accept\" cannot be a name"},
		{"terms without a page", "sign_in: {terms_version: \"1\"}\n", nil, "sign_in.terms_version does not fit: A version to accept needs a page"},
		{"method twice", "sign_in: {methods: [code, code]}\n", nil, "each once"},
		{"cheap hashes", "passwords: {memory_kib: 9216, iterations: 3}\n", nil, "passwords.iterations is \"3\"; with 9216 KiB it takes 4 at least"},
		{"hashes that take for ever", "passwords: {iterations: 1000}\n", nil, "with 19456 KiB expected at most 53"},
		{"hashes that take all memory", "passwords: {memory_kib: 4194304}\n", nil, "expected at most 131072"},
		{"a shorter minimum than allowed", "passwords: {minimum: 6}\n", nil, "expected 8 or more"},
		{"more beside a second factor than without", "passwords: {minimum_with_second_factor: 20}\n", nil, "expected no more than passwords.minimum, 15"},
		{"list of leaks that is no address", "passwords: {leaked_list: hibp}\n", nil, "expected an address to which five digits of a hash can be added"},
		{"long code", "lifetimes: {code: 2m}\n", nil, "expected at most 60s"},
		{"long ID token", "lifetimes: {id_token: 2h}\n", nil, "expected at most 1h"},
		{"idle beyond absolute", "lifetimes: {refresh_idle: 2y}\n", nil, "expected at most lifetimes.refresh_absolute, which is 1y"},
		{"client twice", web + "  - client_id: SHOP\n    client_secret: " + strings.Repeat("s", 32) + "\n", nil, "SHOP is declared twice"},
		{"short secret", "clients: [{client_id: shop, client_secret: short}]\n", nil, "shop needs a client_secret of 32 or more letters"},
		{"secret that form encoding changes", "clients: [{client_id: shop, client_secret: \"" + strings.Repeat("+", 40) + "\"}]\n", nil, "shop needs a client_secret of 32 or more letters"},
		{"secret of a public client", "clients: [{client_id: shop, type: spa, client_secret: x}]\n", nil, "shop is of type spa, which cannot keep a secret"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.yaml, c.env...)
			if err == nil {
				t.Fatalf("accepted:\n%s%v", c.yaml, c.env)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("message shows a secret or has several lines: %s", err)
			}
		})
	}
}

func TestMailAwayFromLoopbackIsAChoiceWrittenOut(t *testing.T) {
	c, err := load(t, "public_url: https://id.example.com\nemail:\n  provider: inbox\n")
	if err != nil || c.Email.Provider != "inbox" {
		t.Errorf("provider inbox written out: %v", err)
	}
	for _, local := range []string{"http://localhost:4283", "http://127.0.0.1:4283", "http://[::1]:4283", "http://id.localhost"} {
		if _, err := load(t, "public_url: "+local+"\n"); err != nil {
			t.Errorf("%s is this machine, but: %v", local, err)
		}
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	if _, err := load(t, "", "GATELATCH_SERVICE_HOST=10.0.0.1", "GATELATCH_PORT=tcp://10.0.0.1:4283",
		"GATELATCH_PORT_4283_TCP=tcp://10.0.0.1:4283", "GATELATCH_TEST_POSTGRES=x", "GATELATCH_LISTEN=", "OTHER=1"); err != nil {
		t.Error(err)
	}
}

func TestYAMLIsReadAsItIsWritten(t *testing.T) {
	c, err := load(t, `
# anchors, quotes, block text and empty sections
database:
languages:
  default: &lang de
email:
  templates:
    - usage: SignIn
      language: *lang
      subject: 'It''s {{code}}'
      text: |
        Code: {{code}}
        Bye
  ses:
    access_key_id: 0012
trusted_proxies:
  - 10.0.0.0/8
  - ::1
`)
	if err != nil {
		t.Fatal(err)
	}
	tpl := c.Email.Templates[0]
	if tpl.Language != "de" || tpl.Subject != "It's {{code}}" || tpl.Text != "Code: {{code}}\nBye\n" {
		t.Errorf("template is %+v", tpl)
	}
	if c.Email.SES.AccessKeyID != "0012" {
		t.Errorf("digits lost their zeros: %q", c.Email.SES.AccessKeyID)
	}
	if len(c.TrustedProxies) != 2 || c.TrustedProxies[1].String() != "::1/128" {
		t.Errorf("proxies are %v", c.TrustedProxies)
	}
}

func TestExampleFileAsItIsChangesNothing(t *testing.T) {
	text, err := os.ReadFile("../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	want, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	got.Settings, want.Settings, got.Data, want.Data = nil, nil, "", ""
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

var commentedSetting = regexp.MustCompile(`(?m)^( *)#(\S)`)

func TestExampleFileNamesEverySettingWithItsDefault(t *testing.T) {
	text, err := os.ReadFile("../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("templates.json", []byte(`[{"usageType": "SignIn", "subject": "Code", "content": "{{code}}"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("words", 0o700); err != nil {
		t.Fatal(err)
	}
	file := "all.yaml"
	if err := os.WriteFile(file, []byte(commentedSetting.ReplaceAllString(string(text), "$1$2")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := LoadConfig(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range c.Settings {
		if s.Source == "default" {
			t.Errorf("config.example.yaml lacks %s", s.Key)
		}
		if _, ok := s.tag.Lookup("default"); ok && s.Value != defaults.Settings[i].Value {
			t.Errorf("config.example.yaml shows %q for %s, whose default is %q", s.Value, s.Key, defaults.Settings[i].Value)
		}
	}
	for _, entry := range []any{c.Clients[0], c.Resources[0], c.Connections[0], c.Email.Templates[0]} {
		v := reflect.ValueOf(entry)
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("key")
			if !regexp.MustCompile(`(?m)^ *#(- )?` + name + `:`).Match(text) {
				t.Errorf("config.example.yaml lacks %s of %s", name, v.Type().Name())
			}
		}
	}
}

func TestDurationsHaveDaysAndYears(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60s": time.Minute, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "1y": 365 * 24 * time.Hour, "2w": 336 * time.Hour, "250ms": 250 * time.Millisecond, "0s": 0,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "-1h", "1 h", "1.5h", "h", "9999999999y", "1h x", "300y"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	for _, text := range []string{"1m", "1h", "90s", "30d", "1y", "12h", "250ms"} {
		d, _ := parseDuration(text)
		if got := formatDuration(d); got != text {
			t.Errorf("%s came back as %s", text, got)
		}
	}
}

func TestJSONIsAlsoAConfiguration(t *testing.T) {
	c, err := load(t, `{
  "public_url": "http://localhost:4283",
  "budgets": {"mails_hour": 100000, "guesses_per_code": 5},
  "lifetimes": {"otp": "1m"},
  "email": {"provider": "smtp", "from": "Notes <a@example.com>", "smtp": {"url": "smtp://a%40example.com:p%40ss%2Fword@localhost:2525"}},
  "clients": [{"client_id": "shop", "client_secret": "0123456789abcdef0123456789abcdef", "redirect_uris": ["https://shop.example.com/cb"], "require_pkce": true}]
}`)
	if err != nil {
		t.Fatal(err)
	}
	if c.Budgets.MailsHour != 100000 || c.Lifetimes.OTP != time.Minute || c.Clients[0].ClientID != "shop" || !c.Clients[0].RequirePKCE {
		t.Errorf("got %+v", c)
	}
	if _, err := load(t, `{"budgets": {"mail_hour": 1}}`); err == nil || !strings.Contains(err.Error(), "Did you mean budgets.mails_hour?") {
		t.Errorf("got %v", err)
	}
}

func TestWhatPeopleAreAskedForIsSettledByTheConfiguration(t *testing.T) {
	c, err := load(t, `
privacy_url: https://example.com/footer
sign_in:
  attributes:
  - {name: given_name, asked: required, immutable: true}
  - name: size
    type: choice
    choices: [{value: s, labels: {en: Small, de: Klein}}, {value: "1"}]
  terms_url: https://example.com/terms
  terms_version: 2026-11
`)
	if err != nil {
		t.Fatal(err)
	}
	x, settled := c.experience()
	want := []authn.Field{{Name: "given_name", Asked: "required", Immutable: true}, {Name: "size", Type: "choice", Choices: []authn.FieldChoice{{Value: "s", Labels: map[string]string{"en": "Small", "de": "Klein"}}, {Value: "1"}}}}
	if !reflect.DeepEqual(x.Attributes, want) || x.TermsURL != "https://example.com/terms" || x.TermsVersion != "2026-11" || x.PrivacyURL != "" {
		t.Errorf("got %+v", x)
	}
	if !strings.HasSuffix(settled["attributes"], "line 4") || settled["terms_version"] == "" || settled["privacy_url"] != "" {
		t.Errorf("settled by %v", settled)
	}
	c, err = LoadConfig(Sources{Env: []string{`GATELATCH_SIGN_IN_ATTRIBUTES=[{"name":"nickname","asked":"optional"}]`}})
	if err != nil {
		t.Fatal(err)
	}
	if x, _ := c.experience(); len(x.Attributes) != 1 || x.Attributes[0].Name != "nickname" {
		t.Errorf("by the environment: %+v", x.Attributes)
	}
}
