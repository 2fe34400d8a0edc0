"""The prose of docs/calibration.md."""

INTRODUCTION = """\
# Calibration

<!-- Written by benchmarks/calibration.py; run it again rather than edit. -->

How often the three questions are answered rightly where the truth is known. Tasks are planted, judged by the code that
judges real ones, and counted. What the questions and numbers are stands in [method.md](method.md).

    {command}

{run}; {tasks} tasks in all.

The generator is not the method's own model. A task draws:

- **skill**: a token's logit as a line, a power law of NLL, Gompertz's law between two levels, a parabola, a U; or a
  step in a gap, at a size, over two gaps, down to almost no loss; or a hinge, level and then rising. A token keeps
  0.03 to 0.2 nats of loss for good in a third of the short answers;
- **items**: logits that are normal, or probabilities that follow a beta law. An item's tokens are alike by half, and
  some positions are harder than others by 0.7 logits. Each model has luck with each item, of 0.4 logits;
- **answers**: 1 to 8 tokens, long ones 10 to 30; in half of the tasks the likeliest token, right where its probability
  beats a threshold of its own, in the others a drawn one; or a choice among 2 to 5 options. In kinds with *form* the
  answers' form is learned first, so that the likelihood falls to that of a guesser;
- **ladder**: 5 to 13 sizes over 2.5 to 5 decades, with even gaps, uneven ones or one twice as wide; 1 to 5 models of a
  size, which differ by 0.1 to 0.3 logits; 100, 200 or 500 items;
- **traps**: one lucky size, the last or another, or an unlucky one, below a late rise too; items learned one by one,
  each at a size of its own; models of which each breaks or does not (a *lottery*); only some items that break.

The truth of a task is what the method's own definitions give on its noise-free means, over many items: a size's luck
is no part of it, and which models broke is. Items that are learned one by one count as not broken."""

GOALS = """\
Wilson 95% intervals. "Within error" says that the interval contains the goal. The worst cell is the largest of many
small ones, so that chance alone lifts it. *No break*: the true acceleration is under 1/2 and the largest contrast
below the window under 0.6; with a guessing floor the acceleration must be so with it or without it. Steps, hinges and
chains there: those whose truth is a cliff, broken or made by the metric as the row asks; n = 500 and 8 sizes or
more. Lotteries: three models of a size or more, and a size of which some broke and some did not; no cliff is asked.
That nothing else is called one is our own goal, as the method has none. Intervals do not cover the luck of a whole
size: in the kinds with a lucky or unlucky size they miss."""

BY_KIND = """\
Answers are of cliffs found, coverage is of cliffs there. A kind says how a task was drawn, not what its truth is: a
line in logits that is steep enough for its ladder is truly broken at that ladder's resolution, and a step that one
answer in ten sees at once may have a cliff elsewhere. Coverage counts an interval that misses by less than 0.01."""

WRONG = """\
Per cent of those with that truth. Where the truth lies next to a threshold an answer is wrong by a hair: "metric *yes*"
at a share of .24 is in here."""

WHY_OPEN = """\
Where no more is said than how much faster the likelihood grew, the 90% interval of that reaches below three times."""

BY_LADDER = """\
In per cent; all kinds of break but those of some items only."""

EMERGENCE = """\
E is the emergence score of Schaeffer et al. (BIG-bench's *breakthroughness*): the range over the root of the median
squared step. Nobody has published a threshold for it; here it gets the best one, chosen on the truth itself. The
question is whether a cliff that is there has a break behind it. AUC is the chance that a broken task has the larger
score: 0.5 is a coin. An infinite score, of a curve most of whose steps are zero, counts as the largest."""

FIRST = """\
The first edition (commit {commit}) had one label per task. It judged the same scores with its own code."""

BESIDE = """\
Cliffs that are there. The second edition's labels need both of its questions answered; it answers one of them more
often."""

TRIED = """\
Developed on seeds 1 and 2 (1,296 tasks), checked once on seed 300 (648 tasks), neither of them this page's seed.

- *Kept*: question 1 at 90% of draws in place of 95%. Cliffs found of those there rose from 68% to 75% (seed 300: 69%
  to 77%); found where none is: 3 to 4 of 396 (6 to 7 of 203).
- *Kept*: less noise of a size's own where it has several seeds, whose resampling carries it already; intervals of
  alpha covered 97% with three seeds or more, now 95%. With P(alpha >= 1/2) >= 0.85 in place of 0.9: breaks answered
  yes rose from 226 to 254 (seed 300: 112 to 129), false ones from 3 to 3 (3 to 4).
- *Kept*: a break must survive leaving out any one size from the third on. Of 214 smooth chains with one lucky or
  unlucky size 2 are called broken; without this 11, and 7 before any of these changes.
- *Dropped*: the chance that either contrast holds in a draw, in window or below: 284 answered yes in place of 271,
  but a lucky first size or an unlucky one makes 33 false breaks of 214.
- *Dropped*: no bias correction for the chances: 291 yes, false ones 10 in place of 3.
- *Dropped*: slopes before the window that may fall below 0 in the draws: fewer yes (275 for 284), one more false.
- *Dropped*: leaving out the second size too: a step behind it cannot be told from even growth then, 12 yes fewer.
- *Dropped*: P(alpha >= 1/2) >= 0.8: 17 more yes, one more false.
- *Dropped*: draws about the isotonic fit in place of the means, so that one low size on a plateau does not move the
  window's start (seed 1 alone, 1,008 tasks): 203 breaks answered yes with and without it, of steps over two gaps 11 for
  9 of 16. Where leaving out a size does not make the fit anew: 217, but 7 false ones in place of 3. For the cliff too:
  20 more found where none is."""
