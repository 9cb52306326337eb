package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/language"

	"gatelatch/views/words"
)

func (p *Program) wordsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "words", Short: "The texts of pages and mails, in every language", Args: cobra.ArbitraryArgs, RunE: group,
		Long: "The texts of pages and mails, in every language. To change some or to add a language, name a folder in\n" +
			"languages.folder and put files such as de.yaml there. Both commands check what is in it.",
		Example: "  gatelatch words list\n  gatelatch words show sv > words/sv.yaml",
	}
	cmd.AddCommand(p.wordsList(), p.wordsShow())
	return cmd
}

func (p *Program) wordsList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the languages and how much of each is translated", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := p.load(nil)
			if err != nil {
				return err
			}
			return p.listWords(cfg.Languages.library, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// spoken is a line of the list.
type spoken struct {
	Language   string `json:"language"`
	Name       string `json:"name"`
	Direction  string `json:"direction"`
	Texts      int    `json:"texts"`
	Translated int    `json:"translated"`
	Yours      int    `json:"yours"` // texts from languages.folder
}

func (p *Program) listWords(library *words.Library, asJSON bool) error {
	var list []spoken
	for _, lang := range library.Languages() {
		c, ours := library.For(lang.Tag), words.Embedded().Blank(language.Make(lang.Tag))
		if words.Embedded().Has(lang.Tag) {
			ours = words.For(lang.Tag)
		}
		was := map[string]string{}
		for _, e := range ours.Entries() {
			was[e.Key] = e.Text
		}
		s := spoken{Language: lang.Tag, Name: lang.Name, Direction: c.Dir()}
		for _, e := range c.Entries() {
			s.Texts++
			if e.Text != "" {
				s.Translated++
			}
			if e.Text != was[e.Key] {
				s.Yours++
			}
		}
		list = append(list, s)
	}
	if asJSON {
		return p.printJSON(list)
	}
	w := p.table("LANGUAGE", "NAME", "TRANSLATED", "YOURS")
	for _, s := range list {
		w.row(s.Language, s.Name, fmt.Sprintf("%d of %d", s.Translated, s.Texts), strconv.Itoa(s.Yours))
	}
	return w.Flush()
}

func (p *Program) wordsShow() *cobra.Command {
	var missing, asJSON bool
	cmd := &cobra.Command{
		Use: "show LANGUAGE", Short: "Print the texts of a language, as a file to start from", Args: arguments("the LANGUAGE, such as de or pt-BR,"),
		Long: "Print the texts of a language as YAML, as they are in use. What is not translated stands there in English.\n" +
			"A file needs only the lines that differ from ours.",
		Example: "  gatelatch words show de\n  gatelatch words show sv > words/sv.yaml\n  gatelatch words show sv --missing",
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		tag, err := language.Parse(args[0])
		if err != nil {
			return usage(cmd, "%q is not the tag of a language. Expected one such as de or pt-BR", args[0])
		}
		cfg, err := p.load(nil)
		if err != nil {
			return err
		}
		c := cfg.Languages.library.Blank(tag)
		if cfg.Languages.library.Has(tag.String()) {
			c = cfg.Languages.library.For(tag.String())
		}
		list := c.Entries()
		if missing {
			list = untranslated(c)
		}
		if asJSON {
			texts := map[string]string{}
			for _, e := range list {
				texts[e.Key] = shown(e)
			}
			return p.printJSON(texts)
		}
		p.printWords(c, list)
		return nil
	}
	cmd.Flags().BoolVar(&missing, "missing", false, "only what is not translated")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// shown is the text of an entry, or the English to begin from.
func shown(e words.Entry) string {
	if e.Text == "" {
		return e.English
	}
	return e.Text
}

// printWords prints entries as YAML, with the English above what is in another language.
func (p *Program) printWords(c *words.Catalogue, list []words.Entry) {
	section := ""
	for _, e := range list {
		if at, _, _ := strings.Cut(e.Key, "."); at != section {
			if section != "" {
				p.printf("\n")
			}
			section = at
		}
		if e.Text != "" && c.Lang() != "en" {
			p.printf("# %s\n", e.English)
		}
		p.printf("%s: %s\n", e.Key, strconv.Quote(shown(e)))
	}
}
