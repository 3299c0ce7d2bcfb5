#!/usr/bin/env python3
# corpus.py: every question of corpus.tsv asked of the built program with the model that comes with it, in one process:
# the required words are in the answer, the forbidden ones are not, and it is in the language of the question.
import csv
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'program'))
from program import SOURCE, ProgramTest, main


def holds(words, answer, language):
    """`a|b`: one of them. English words are whole words, Chinese ones may stand anywhere."""
    if language == 'zh':
        return any(w in answer for w in words.split('|'))
    return any(re.search(rf'(?<!\w){re.escape(w)}(?!\w)', answer, re.IGNORECASE) for w in words.split('|'))


def faults(row, answer):
    found = [f'no {w}' for w in row['required'].split(';') if w and not holds(w, answer, row['language'])]
    found += [f'has {w}' for w in row['forbidden'].split(';') if w and holds(w, answer, row['language'])]
    if not re.search('[\u4e00-\u9fff]' if row['language'] == 'zh' else '[A-Za-z]', answer):
        found.append(f"not in {row['language']}")
    return found


class Corpus(ProgramTest):
    def test_every_row(self):
        with open(HERE / 'corpus.tsv', encoding='utf-8', newline='') as f:
            rows = list(csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE))
        self.assertGreater(len(rows), 60)
        questions = self.dir / 'questions.jsonl'
        questions.write_text(''.join(json.dumps(dict(id=i, image=r['file'], text=r['question'])) + '\n'
                                     for i, r in enumerate(rows)), encoding='utf-8')
        out = self.good(self.run_it('batch', questions, '-m', SOURCE / 'share' / 'model', '--images-root', HERE))
        answers = {r['id']: r['answer'] for r in map(json.loads, out.splitlines())}
        for i, row in enumerate(rows):
            with self.subTest(file=row['file'], question=row['question'], answer=answers.get(i)):
                self.assertEqual(faults(row, answers[i]), [])


if __name__ == '__main__':
    main()
