package mail

import "errors"

// fact is one line about what happened.
type fact struct {
	Label string // with its colon and the blank after it
	Value string
}

// copied is a text that whoever reads the mail has to write elsewhere, under its name.
type copied struct{ Label, Value string }

// view is what the layouts are executed with.
type view struct {
	Data

	Kind, Lang, Dir           string
	Subject, Preheader, Title string
	Facts                     []fact
	Lead, Next, Last          string // paragraphs, an empty line between them
	Code                      string // in place of Data's; empty: the mail shows none
	Copied                    []copied
	Button                    string // empty: the mail has no link
	LinkHint                  string
}

// view says d in this language.
func (l *language) view(kind string, d Data) (*view, error) {
	said, err := l.kinds[kind]()
	if err != nil {
		return nil, err
	}
	w := said.words
	v := &view{Data: d, Kind: kind, Lang: l.tag, Dir: w.dir, LinkHint: w.link}
	spoken := d
	for _, to := range []*string{&spoken.Brand.Name, &spoken.Brand.URL, &spoken.Brand.Support, &spoken.Name, &spoken.Domain.Name} {
		*to = isolate(w.dir, *to)
	}
	var reason, record, file, challenge string
	for name, to := range map[string]*string{
		"subject": &v.Subject, "preheader": &v.Preheader, "title": &v.Title,
		"lead": &v.Lead, "code": &v.Code, "reason": &reason, "next": &v.Next, "button": &v.Button, "last": &v.Last,
		"record": &record, "file": &file, "challenge": &challenge,
	} {
		var problem error
		*to, problem = execute(said.parts, name, spoken)
		err = errors.Join(err, problem)
	}
	at, problem := w.moment(d.At)
	if err = errors.Join(err, problem); err != nil {
		return nil, err
	}
	for _, c := range []copied{{record, d.Domain.Record}, {file, d.Domain.File}, {challenge, d.Domain.Challenge}} {
		if c.Label == "" {
			continue
		}
		if _, err := must(c.Value); err != nil {
			return nil, err
		}
		v.Copied = append(v.Copied, c)
	}
	if v.Subject = oneLine(v.Subject); d.Test {
		v.Subject = w.test + " " + v.Subject
	}
	for _, f := range []fact{{w.when, at}, {w.device, d.Device}, {w.address, d.Address}, {w.reason, reason}} {
		if f.Value != "" {
			v.Facts = append(v.Facts, f)
		}
	}
	return v, nil
}
