using System.Runtime.InteropServices;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>Texts that some patterns and two bounds on the length all allow. From every place in it an end can be reached.</summary>
internal sealed class TextAutomaton
{
    /// <summary>Most states of one; and of all in a schema.</summary>
    public const int MostStates = 20_000;

    private const long MostWork = 10_000_000;

    private TextAutomaton(IReadOnlyList<Place> places, int start) => (Places, Start) = (places, start);

    public IReadOnlyList<Place> Places { get; }

    public int Start { get; }

    /// <param name="patterns">All of which hold.</param>
    /// <param name="least">Fewest characters.</param>
    /// <param name="most">Most of them; null: no bound.</param>
    /// <param name="place">JSON pointer of the schema.</param>
    /// <exception cref="SchemaRefusedException">It becomes too large, or allows no text.</exception>
    public static TextAutomaton Of(IReadOnlyList<PatternMachine> patterns, int least, int? most, string place) =>
        new Builder(patterns, least, most, place).Build();

    /// <summary>A state.</summary>
    internal sealed record Place(bool MayEnd, IReadOnlyList<(CharacterSet Set, int Next)> Ways);

    private sealed class Builder
    {
        private readonly IReadOnlyList<PatternMachine> _patterns;
        private readonly int _least;
        private readonly int? _most;
        private readonly string _place;
        private readonly (int First, int Last)[] _classes; // characters between which no pattern tells a difference
        private readonly bool[]?[][] _takes;               // by pattern, state and class
        private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
        private readonly List<(int[][] States, int Length)> _found = [];
        private long _work;

        public Builder(IReadOnlyList<PatternMachine> patterns, int least, int? most, string place)
        {
            (_patterns, _least, _most, _place) = (patterns, least, most, place);
            var sets = patterns.SelectMany(pattern => pattern.Sets).OfType<CharacterSet>().Append(CharacterSet.All).ToHashSet();
            int[] edges = [.. sets.SelectMany(set => set.Ranges).SelectMany<(int First, int Last), int>(range => [range.First, range.Last + 1]).Distinct().Order()];
            _classes = [.. edges.Zip(edges.Skip(1), (first, next) => (first, next - 1)).Where(range => CharacterSet.All.Has(range.first))];
            Spend((long)_classes.Length * sets.Sum(set => set.Ranges.Count));
            var known = sets.ToDictionary(set => set, set => Array.ConvertAll(_classes, range => set.Has(range.First)));
            _takes = [.. patterns.Select(pattern => pattern.Sets.Select(set => set is null ? null : known[set]).ToArray())];
        }

        public TextAutomaton Build()
        {
            var ways = new List<Dictionary<int, List<(int, int)>>>();
            NumberOf([.. _patterns.Select(pattern => pattern.Begin())], 0);
            for (var number = 0; number < _found.Count; number++)
            {
                ways.Add(WaysFrom(number));
            }

            bool[] ends = [.. _found.Select((place, number) => place.Length >= _least && (_most is null || place.Length <= _most)
                && _patterns.Index().All(one => one.Item.MayEnd(place.States[one.Index], atStart: number == 0)))];
            return Trim(ways, ends);
        }

        private Dictionary<int, List<(int First, int Last)>> WaysFrom(int number)
        {
            var (states, length) = _found[number];
            var ways = new Dictionary<int, List<(int, int)>>();
            if (length == _most)
            {
                return ways;
            }

            var after = new Dictionary<string, int>(StringComparer.Ordinal); // classes that the same states take lead to the same place
            for (var one = 0; one < _classes.Length; one++)
            {
                Spend(1 + states.Sum(list => list.Length));
                int[][] taking = [.. states.Select((list, pattern) => list.Where(state => _takes[pattern][state]?[one] == true).ToArray())];
                if (taking.Any(list => list.Length == 0))
                {
                    continue; // one of the patterns can no longer be found
                }

                var key = KeyOf(taking, 0);
                if (!after.TryGetValue(key, out var next))
                {
                    Spend(taking.Sum(list => (long)list.Length) * 8);
                    int[][] reached = [.. taking.Select((list, pattern) => _patterns[pattern].After(list))];
                    after[key] = next = reached.Any(list => list.Length == 0) ? -1 : NumberOf(reached, Math.Min(length + 1, _most ?? _least));
                }

                if (next >= 0)
                {
                    CollectionsMarshal.GetValueRefOrAddDefault(ways, next, out _) ??= [];
                    ways[next].Add(_classes[one]);
                }
            }

            return ways;
        }

        private int NumberOf(int[][] states, int length)
        {
            // The first is a place of its own: `^` holds only there.
            var key = KeyOf(states, _found.Count == 0 ? -1 : length);
            if (!_numbers.TryGetValue(key, out var number))
            {
                _numbers[key] = number = _found.Count;
                _found.Add((states, length));
                if (number >= MostStates)
                {
                    throw TooLarge();
                }
            }

            return number;
        }

        private static string KeyOf(int[][] states, int length)
        {
            int[] all = [length, .. states.SelectMany(list => list.Append(-1))];
            return new string(MemoryMarshal.Cast<int, char>(all));
        }

        private TextAutomaton Trim(List<Dictionary<int, List<(int, int)>>> ways, bool[] ends)
        {
            var before = ends.Select(_ => new List<int>()).ToArray();
            foreach (var (number, from) in ways.Index())
            {
                foreach (var next in from.Keys)
                {
                    before[next].Add(number);
                }
            }

            var alive = (bool[])ends.Clone();
            var open = new Stack<int>(Enumerable.Range(0, ends.Length).Where(number => ends[number]));
            while (open.TryPop(out var number))
            {
                foreach (var one in before[number].Where(one => !alive[one]))
                {
                    alive[one] = true;
                    open.Push(one);
                }
            }

            if (!alive[0])
            {
                throw new SchemaRefusedException(_place, "no text satisfies its pattern, format and lengths together");
            }

            var numbers = new int[ends.Length];
            var kept = 0;
            for (var number = 0; number < ends.Length; number++)
            {
                numbers[number] = alive[number] ? kept++ : -1;
            }

            return new TextAutomaton(
                [.. Enumerable.Range(0, ends.Length).Where(number => alive[number]).Select(number => new Place(ends[number],
                    [.. ways[number].Where(way => alive[way.Key]).Select(way => (CharacterSet.Of(way.Value), numbers[way.Key]))]))],
                numbers[0]);
        }

        private void Spend(long work)
        {
            _work += work;
            if (_work > MostWork)
            {
                throw TooLarge();
            }
        }

        private SchemaRefusedException TooLarge() =>
            new(_place, $"its pattern, format and lengths together need more than {MostStates} states: bound them less, or drop one");
    }
}
