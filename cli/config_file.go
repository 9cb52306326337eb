package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// configFile reads one YAML document into settings. It walks the syntax tree itself, so that every complaint can name
// the line, what was expected there, and the key that was probably meant.
type configFile struct {
	name     string // as the person gave it
	settings []*Setting
	anchors  map[string]ast.Node
}

// readConfigFile sets the settings that the named file mentions.
func readConfigFile(name string, settings []*Setting) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	f := &configFile{name: name, settings: settings, anchors: map[string]ast.Node{}}
	root, err := f.parse(text)
	if err != nil || root == nil {
		return err
	}
	return f.section(root, "")
}

// parse returns the root of the only document, nil if there is none.
func (f *configFile) parse(text []byte) (ast.Node, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		if at, ok := errors.AsType[yaml.Error](err); ok && at.GetToken() != nil {
			return nil, fmt.Errorf("%s line %d: this is not YAML as it stands: %s. Look at this line and the one above it",
				f.name, at.GetToken().Position.Line, at.GetMessage())
		}
		return nil, fmt.Errorf("%s is not YAML: %w", f.name, err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			return nil, fmt.Errorf("%s: a second document begins. One file holds one configuration: remove the line ---", f.place(doc.Body))
		}
		root = doc.Body
	}
	return root, nil
}

// section reads a mapping whose keys begin with prefix ("" or "email.smtp.").
func (f *configFile) section(node ast.Node, prefix string) error {
	pairs, err := f.pairs(node, strings.TrimSuffix(prefix, "."))
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		key := prefix + pair.key
		value := f.resolve(pair.value)
		if s := f.setting(key); s != nil {
			if err := f.leaf(s, value, f.place(pair.at)); err != nil {
				return err
			}
			continue
		}
		if !f.isSection(key) {
			return f.unknown(pair.at, key, prefix)
		}
		if value.Type() == ast.NullType {
			continue // a section whose lines are all commented out
		}
		if err := f.section(value, key+"."); err != nil {
			return err
		}
	}
	return nil
}

// leaf sets one setting. A key without a value keeps its default, as if it were not there.
func (f *configFile) leaf(s *Setting, value ast.Node, place string) error {
	if value.Type() == ast.NullType {
		return nil
	}
	if err := f.value(s.field, s.tag, value); err != nil {
		return badValue(place, s.Key, rawText(value), s.tag, err)
	}
	s.Source = place
	return nil
}

// value reads a node into a field: one value, a list of values, or a list of sections.
func (f *configFile) value(field reflect.Value, tag reflect.StructTag, node ast.Node) error {
	switch {
	case isList(field.Type()):
		return f.list(field, node)
	case field.Type() == documentType:
		return f.document(field, node)
	case field.Kind() == reflect.Slice && field.Type() != prefixType:
		items, ok := node.(*ast.SequenceNode)
		if !ok {
			return errors.New("expected a list, one value a line, each line beginning with a dash")
		}
		texts := make([]string, len(items.Values))
		for i, item := range items.Values {
			text, ok := scalar(f.resolve(item))
			if !ok {
				return errors.New("expected a list of single values")
			}
			texts[i] = text
		}
		return assignList(field, tag, texts)
	default:
		text, ok := scalar(node)
		if !ok {
			return errors.New("expected a single value")
		}
		return assign(field, tag, text)
	}
}

// document reads a whole tree, or text that is JSON already.
func (f *configFile) document(field reflect.Value, node ast.Node) error {
	text, ok := scalar(node)
	if !ok {
		var tree any
		if err := yaml.NodeToValue(node, &tree); err != nil {
			return errors.New("expected JSON, or the same as YAML")
		}
		b, err := json.Marshal(tree)
		if err != nil {
			return errors.New("expected JSON, or the same as YAML")
		}
		text = string(b)
	}
	if !json.Valid([]byte(text)) {
		return errors.New("expected JSON, or the same as YAML")
	}
	field.SetString(text)
	return nil
}

// list reads a sequence of sections, such as clients. Its complaints carry their own line.
func (f *configFile) list(field reflect.Value, node ast.Node) error {
	items, ok := node.(*ast.SequenceNode)
	if !ok {
		return errors.New("expected a list, each entry beginning with a dash")
	}
	list := reflect.MakeSlice(field.Type(), len(items.Values), len(items.Values))
	for i, item := range items.Values {
		entry := list.Index(i)
		setDefaults(entry)
		if err := f.entry(entry, f.resolve(item)); err != nil {
			return err
		}
	}
	field.Set(list)
	return nil
}

// entry reads one section of a list into a struct.
func (f *configFile) entry(into reflect.Value, node ast.Node) error {
	pairs, err := f.pairs(node, "each entry")
	if err != nil {
		return located{err}
	}
	fields := map[string]int{}
	var names []string
	for i := range into.NumField() {
		name := into.Type().Field(i).Tag.Get("key")
		fields[name] = i
		names = append(names, name)
	}
	for _, pair := range pairs {
		i, ok := fields[pair.key]
		if !ok {
			return located{fmt.Errorf("%s: %s is not a setting here.%s", f.place(pair.at), pair.key, didYouMean(nearest(pair.key, names)))}
		}
		value := f.resolve(pair.value)
		if value.Type() == ast.NullType {
			continue
		}
		tag := into.Type().Field(i).Tag
		if err := f.value(into.Field(i), tag, value); err != nil {
			return located{badValue(f.place(pair.at), pair.key, rawText(value), tag, err)}
		}
	}
	return nil
}

type pair struct {
	key   string
	at    ast.Node
	value ast.Node
}

// pairs lists the keys of a mapping.
func (f *configFile) pairs(node ast.Node, what string) ([]pair, error) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode: // a mapping of one key
		values = []*ast.MappingValueNode{n}
	default:
		if what == "" {
			what = "the file"
		}
		return nil, fmt.Errorf("%s: %s holds a single value. Expected lines of the form key: value below it", f.place(node), what)
	}
	pairs := make([]pair, len(values))
	for i, v := range values {
		pairs[i] = pair{key: v.Key.GetToken().Value, at: v.Key, value: v.Value}
	}
	return pairs, nil
}

// resolve follows anchors, aliases and tags to the node that holds the value.
func (f *configFile) resolve(node ast.Node) ast.Node {
	switch n := node.(type) {
	case *ast.AnchorNode:
		f.anchors[n.Name.GetToken().Value] = n.Value
		return f.resolve(n.Value)
	case *ast.AliasNode:
		if target, ok := f.anchors[n.Value.GetToken().Value]; ok {
			return target
		}
	case *ast.TagNode:
		return f.resolve(n.Value)
	}
	return node
}

func (f *configFile) setting(key string) *Setting {
	for _, s := range f.settings {
		if s.Key == key {
			return s
		}
	}
	return nil
}

func (f *configFile) isSection(key string) bool {
	for _, s := range f.settings {
		if strings.HasPrefix(s.Key, key+".") {
			return true
		}
	}
	return false
}

// unknown says that a key is none, and which one was probably meant: a key of the same name in another section,
// else a neighbour spelled alike, else any key spelled alike.
func (f *configFile) unknown(at ast.Node, key, prefix string) error {
	var neighbours, all []string
	name := strings.TrimPrefix(key, prefix)
	meant := ""
	for _, s := range f.settings {
		all = append(all, s.Key)
		if rest, ok := strings.CutPrefix(s.Key, prefix); ok {
			neighbour, _, _ := strings.Cut(rest, ".")
			neighbours = append(neighbours, neighbour)
		}
		near := meant == "" || strings.HasPrefix(s.Key, prefix) || !strings.HasPrefix(meant, prefix) // rather one of this section
		if flat := strings.ReplaceAll(s.Key, ".", "_"); near && (flat == key || strings.HasSuffix(flat, "_"+strings.ReplaceAll(name, "-", "_"))) {
			meant = s.Key
		}
	}
	if meant == "" {
		if near := nearest(name, neighbours); near != "" {
			meant = prefix + near
		} else {
			meant = nearest(key, all)
		}
	}
	return fmt.Errorf("%s: %s is not a setting.%s", f.place(at), key, didYouMean(meant))
}

func (f *configFile) place(node ast.Node) string {
	return fmt.Sprintf("%s line %d", f.name, node.GetToken().Position.Line)
}

// located is an error that names its own place, so that the entry around it does not name one again.
type located struct{ error }

// badValue says where which value was wrong, what was expected, and what to do.
func badValue(place, key, raw string, tag reflect.StructTag, err error) error {
	if l, ok := errors.AsType[located](err); ok {
		return l.error
	}
	is := "is " + raw
	if tag.Get("secret") != "" || raw == "" {
		is = "does not fit"
	}
	advice := "Change it"
	if def, ok := tag.Lookup("default"); ok {
		advice += ", or leave it out for " + def
	}
	return fmt.Errorf("%s: %s %s; %w. %s", place, key, is, err, advice)
}

// didYouMean ends a complaint about an unknown name.
func didYouMean(name string) string {
	if name == "" {
		return " config.example.yaml lists every setting"
	}
	return " Did you mean " + name + "?"
}

// scalar returns the text of a single value as it was typed, so that a secret of digits keeps its leading zeros.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case ast.ScalarNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// rawText shows a single value in a complaint; "" for anything longer.
func rawText(node ast.Node) string {
	text, ok := scalar(node)
	if !ok || len(text) > 60 || strings.ContainsAny(text, "\r\n") {
		return ""
	}
	return fmt.Sprintf("%q", text)
}
