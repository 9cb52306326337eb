package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"gatelatch/views/words"
)

// maxWordProblems bounds how many complaints are printed at once.
const maxWordProblems = 10

// readWords puts the files of a folder into the library that comes with the program; "" is no folder. It warns of languages
// that lack texts. Its error names file and line of all that is wrong.
func readWords(folder string) (*words.Library, []string, error) {
	if folder == "" {
		return words.Embedded(), nil, nil
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, fmt.Errorf("languages.folder cannot be read: %w", err)
	}
	var overrides []words.Override
	for _, file := range files {
		// What is hidden belongs to editors, and to Kubernetes where the folder is a ConfigMap.
		if strings.HasPrefix(file.Name(), ".") || strings.HasSuffix(file.Name(), "~") {
			continue
		}
		of, err := readWordsFile(filepath.Join(folder, file.Name()))
		if err != nil {
			return nil, nil, err
		}
		overrides = append(overrides, of...)
	}
	library, problems := words.Embedded().With(overrides)
	if problems != nil {
		return nil, nil, wordsError(problems)
	}
	return library, lacking(library), nil
}

// readWordsFile lists the texts of one file, LANGUAGE.yaml or LANGUAGE.json. LANGUAGE.PART.yaml is a part of it.
func readWordsFile(name string) ([]words.Override, error) {
	tag, _, _ := strings.Cut(filepath.Base(name), ".")
	if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) {
		return nil, fmt.Errorf("%s: expected files such as de.yaml or de.json in languages.folder. Keep others elsewhere", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the words cannot be read: %w", err)
	}
	f := &configFile{name: name, anchors: map[string]ast.Node{}}
	root, err := f.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w. A text that begins with { or holds a colon stands in quotes", err)
	}
	if root == nil {
		return nil, nil
	}
	pairs, err := f.pairs(root, "")
	if err != nil {
		return nil, err
	}
	var overrides []words.Override
	for _, pair := range pairs {
		text, ok := scalar(f.resolve(pair.value))
		if !ok {
			return nil, fmt.Errorf("%s: %s is not a single text. Each key stands in full on a line of its own", f.place(pair.at), pair.key)
		}
		overrides = append(overrides, words.Override{Lang: tag, Key: pair.key, Text: text, Place: f.place(pair.at)})
	}
	return overrides, nil
}

// wordsError says everything that is wrong with the words, one line each.
func wordsError(problems []*words.Problem) error {
	var keys []string
	for _, e := range words.For("en").Entries() {
		keys = append(keys, e.Key)
	}
	var all []error
	for i, p := range problems {
		if i == maxWordProblems {
			all = append(all, fmt.Errorf("and %d more", len(problems)-i))
			break
		}
		var err error = p
		if errors.Is(p, words.ErrUnknownKey) {
			advice := " gatelatch words show en lists all of them"
			if near := nearest(p.Key, keys); near != "" {
				advice = " Did you mean " + near + "?"
			}
			err = fmt.Errorf("%w.%s", p, advice)
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// lacking warns of languages in which some texts are shown in another one.
func lacking(library *words.Library) []string {
	var warnings []string
	for _, lang := range library.Languages() {
		if missing := len(untranslated(library.For(lang.Tag))); missing > 0 {
			warnings = append(warnings, fmt.Sprintf("%s lacks %d texts, which are shown in English: gatelatch words show %s --missing", lang.Name, missing, lang.Tag))
		}
	}
	return warnings
}

// untranslated lists the texts of a language that English stands in for.
func untranslated(c *words.Catalogue) []words.Entry {
	return slices.DeleteFunc(c.Entries(), func(e words.Entry) bool { return e.Text != "" })
}
