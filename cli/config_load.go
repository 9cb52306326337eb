package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Sources are the places a configuration is read from.
type Sources struct {
	File  string            // the value of --config; "" means GATELATCH_CONFIG, else gatelatch.yaml in the data folder if it is there
	Env   []string          // as os.Environ returns it
	Flags map[string]string // key → value of the flags that were given
}

// LoadConfig joins flags over environment over file over defaults and checks the result.
// Its error is one message for a person: where, what, what was expected, what to do.
func LoadConfig(src Sources) (*Config, error) {
	c := &Config{}
	setDefaults(reflect.ValueOf(c).Elem())
	settings := settingsOf(c)
	env, err := readEnv(src.Env, settings)
	if err != nil {
		return nil, err
	}
	file, err := src.file(env, c.Data)
	if err != nil {
		return nil, err
	}
	if file != "" {
		if err := readConfigFile(file, settings); err != nil {
			return nil, err
		}
	}
	if err := env.apply(settings); err != nil {
		return nil, err
	}
	if err := env.clientSecrets(c.Clients); err != nil {
		return nil, err
	}
	if err := env.connectionSecrets(c.Connections); err != nil {
		return nil, err
	}
	for _, s := range settings {
		text, ok := src.Flags[s.Key]
		if !ok {
			continue
		}
		flag := "--" + strings.NewReplacer(".", "-", "_", "-").Replace(s.Key)
		if err := assign(s.field, s.tag, text); err != nil {
			return nil, badValue(flag, s.Key, fmt.Sprintf("%q", text), s.tag, err)
		}
		s.Source = flag
	}
	for _, s := range settings {
		if s.tag.Get("secret") == "" {
			s.Value = show(s.field)
		}
		c.Settings = append(c.Settings, *s)
	}
	return c, c.check()
}

// file says which configuration file to read, "" for none.
func (src Sources) file(env environment, data string) (string, error) {
	if src.File != "" {
		return src.File, nil
	}
	if name := env.values["GATELATCH_CONFIG"]; name != "" {
		return name, nil
	}
	if dir := env.values["GATELATCH_DATA"]; dir != "" {
		data = dir
	}
	if dir, ok := src.Flags["data"]; ok {
		data = dir
	}
	name := filepath.Join(data, "gatelatch.yaml")
	if _, err := os.Stat(name); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
		return "", fmt.Errorf("look for a configuration in the data folder: %w", err)
	}
	return name, nil
}

// environment holds our variables by the name of the plain variable, with the contents of …_FILE in their place.
type environment struct {
	values map[string]string
	from   map[string]string // the variable that was really set, for messages
}

// readEnv picks our variables and refuses those that mean nothing: a misspelled limit must not be a missing one.
func readEnv(environ []string, settings []*Setting) (environment, error) {
	env := environment{values: map[string]string{}, from: map[string]string{}}
	known := map[string]*Setting{}
	names := []string{"GATELATCH_CONFIG"}
	for _, s := range settings {
		known[s.Env] = s
		names = append(names, s.Env)
	}
	slices.Sort(environ)
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "GATELATCH_") || value == "" || foreignEnv(name) {
			continue
		}
		plain, isFile := name, false
		if known[name] == nil && name != "GATELATCH_CONFIG" {
			plain, isFile = strings.CutSuffix(name, "_FILE")
		}
		s := known[plain]
		if s == nil && plain != "GATELATCH_CONFIG" && !isClientSecret(plain) && !isConnectionSecret(plain) {
			return env, fmt.Errorf("%s is set, but it is not a setting.%s", name, didYouMean(nearest(plain, names)))
		}
		if other, twice := env.from[plain]; twice {
			return env, fmt.Errorf("%s and %s are both set. Keep one of them", other, name)
		}
		// A setting that names a file means the same with and without _FILE.
		if isFile && (s == nil || s.tag.Get("path") != "file") {
			text, err := os.ReadFile(value)
			if err != nil {
				return env, fmt.Errorf("%s: the file it names cannot be read: %w", name, err)
			}
			value = strings.TrimRight(string(text), "\r\n")
		}
		env.values[plain], env.from[plain] = value, name
	}
	return env, nil
}

// foreignEnv says that a variable with our prefix is not ours: Kubernetes sets some for a service of our name,
// and the project's own tests have theirs.
func foreignEnv(name string) bool {
	rest := strings.TrimPrefix(name, "GATELATCH_")
	return strings.HasPrefix(rest, "SERVICE_") || rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "TEST_")
}

// apply sets the settings that have a variable.
func (env environment) apply(settings []*Setting) error {
	for _, s := range settings {
		text, ok := env.values[s.Env]
		if !ok {
			continue
		}
		from := env.from[s.Env]
		if err := s.assignText(from, text); err != nil {
			return badValue(from, s.Key, fmt.Sprintf("%q", text), s.tag, err)
		}
		s.Source = from
	}
	return nil
}

// assignText sets a setting from one line of text: a list is separated by commas or spaces,
// a list of sections is YAML or JSON.
func (s *Setting) assignText(from, text string) error {
	switch {
	case isList(s.field.Type()):
		f := &configFile{name: from}
		node, err := f.parse([]byte(text))
		if err != nil || node == nil {
			return err
		}
		return f.list(s.field, node)
	case s.field.Kind() == reflect.Slice:
		items := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
		return assignList(s.field, s.tag, items)
	default:
		return assign(s.field, s.tag, text)
	}
}

// clientSecretEnv is the variable that holds the secret of a declared client.
func clientSecretEnv(clientID string) string {
	return envName("clients."+clientID) + "_SECRET"
}

func isClientSecret(name string) bool {
	return strings.HasPrefix(name, "GATELATCH_CLIENTS_") && strings.HasSuffix(name, "_SECRET")
}

// clientSecrets gives declared clients the secrets that came by GATELATCH_CLIENTS_<ID>_SECRET.
func (env environment) clientSecrets(clients []Client) error {
	for i := range clients {
		name := clientSecretEnv(clients[i].ClientID)
		if text, ok := env.values[name]; ok {
			clients[i].ClientSecret = text
			delete(env.values, name)
		}
	}
	for name := range env.values {
		if isClientSecret(name) {
			return fmt.Errorf("%s is set, but no client of that name is declared. Declare it under clients, or remove the variable", env.from[name])
		}
	}
	return nil
}

// connectionSecretEnv is the variable that holds the secret of a declared connection.
func connectionSecretEnv(id string) string { return envName("connections."+id) + "_SECRET" }

func isConnectionSecret(name string) bool {
	return strings.HasPrefix(name, "GATELATCH_CONNECTIONS_") && strings.HasSuffix(name, "_SECRET")
}

// connectionSecrets gives declared connections the secrets that came by GATELATCH_CONNECTIONS_<ID>_SECRET.
func (env environment) connectionSecrets(connections []Connection) error {
	for i := range connections {
		name := connectionSecretEnv(cmp.Or(connections[i].ID, connections[i].Kind))
		if text, ok := env.values[name]; ok {
			connections[i].ClientSecret = text
			delete(env.values, name)
		}
	}
	for name := range env.values {
		if isConnectionSecret(name) {
			return fmt.Errorf("%s is set, but no connection of that name is declared. Declare it under connections, or remove the variable", env.from[name])
		}
	}
	return nil
}
