namespace RftService.Quickstart.Corpus;

/// <summary>The kinds of problems: grade-school stories of one to three operations with small whole numbers.</summary>
internal static class Stories
{
    private static readonly IReadOnlyList<Person> People =
    [
        .. "Anna Mia Lena Sofia Nora Ella Rosa Ida Clara Vera Emma Lucy Kate Julia Maria Zoe".Split(' ').Select(name => new Person(name, "She")),
        .. "Tom Ben Max Paul Leo Finn Jack Omar Ivan Luis Adam Karl Noah Hugo Sam Erik".Split(' ').Select(name => new Person(name, "He")),
    ];

    private static readonly IReadOnlyList<string> Things =
        "apples pens books coins stamps shells cards marbles cookies stickers flowers balloons pencils buttons peaches toys".Split(' ');

    private static readonly IReadOnlyList<string> Holders = "boxes bags baskets jars trays packs".Split(' ');

    private static readonly IReadOnlyList<Ware> Wares =
    [
        new("pen", "pens"), new("book", "books"), new("cup", "cups"), new("toy", "toys"),
        new("cake", "cakes"), new("ticket", "tickets"), new("lamp", "lamps"), new("ball", "balls"),
    ];

    private static readonly IReadOnlyList<(string Name, Func<Draw, Tale> Tell)> All =
    [
        ("gain", Gain), ("loss", Loss), ("pack", Pack), ("share", Share), ("price", Price), ("gap", Gap),
        ("pack-loss", PackThenLoss), ("pack-gain", PackThenGain), ("change", Change), ("gain-loss", GainThenLoss), ("two-wares", TwoWares),
        ("share-gain", ShareThenGain), ("pack-two-losses", PackThenTwoLosses), ("two-packs-loss", TwoPacksThenLoss), ("savings", Savings),
    ];

    /// <summary>Makes the problem of a seed.</summary>
    public static Problem Make(ulong seed)
    {
        var draw = new Draw(seed);
        var (name, tell) = draw.Pick(All);
        var tale = tell(draw);
        return new Problem($"{name}{draw.Operands}", tale.Question, tale.Steps, tale.Steps[^1].Result);
    }

    private static Tale Gain(Draw draw)
    {
        var (who, thing, has, more) = (draw.Pick(People), draw.Pick(Things), draw.Number(3, 40), draw.Number(2, 20));
        var how = draw.Pick(["buys", "finds", "gets"]);
        return new($"{who.Name} has {has} {thing}. {who.He} {how} {more} more. How many {thing} does {who.Name} have now?", [new(has, '+', more)]);
    }

    private static Tale Loss(Draw draw)
    {
        var (who, thing, less) = (draw.Pick(People), draw.Pick(Things), draw.Number(2, 20));
        var has = less + draw.Number(2, 30);
        var how = draw.Pick(["gives away", "loses", "sells"]);
        return new($"{who.Name} has {has} {thing}. {who.He} {how} {less} of them. How many {thing} are left?", [new(has, '-', less)]);
    }

    private static Tale Pack(Draw draw)
    {
        var (who, thing, holder) = (draw.Pick(People), draw.Pick(Things), draw.Pick(Holders));
        var (count, each) = (draw.Number(2, 10), draw.Number(2, 10));
        return new($"{who.Name} has {count} {holder} with {each} {thing} in each. How many {thing} does {who.Name} have?", [new(count, '*', each)]);
    }

    private static Tale Share(Draw draw)
    {
        var (who, thing, friends, each) = (draw.Pick(People), draw.Pick(Things), draw.Number(2, 9), draw.Number(2, 10));
        return new(
            $"{who.Name} shares {friends * each} {thing} equally among {friends} friends. How many {thing} does each friend get?",
            [new(friends * each, '/', friends)]);
    }

    private static Tale Price(Draw draw)
    {
        var (who, ware, count, price) = (draw.Pick(People), draw.Pick(Wares), draw.Number(2, 10), draw.Number(2, 12));
        return new($"One {ware.One} costs {price} dollars. {who.Name} buys {count} {ware.Many}. How many dollars does {who.He.ToLowerInvariant()} pay?",
            [new(count, '*', price)]);
    }

    private static Tale Gap(Draw draw)
    {
        var (one, other, thing, few) = (draw.Pick(People), draw.Pick(People), draw.Pick(Things), draw.Number(3, 25));
        var many = few + draw.Number(2, 20);
        return new($"{one.Name} has {many} {thing} and a friend has {few} {thing}. How many more {thing} does {one.Name} have?", [new(many, '-', few)]);
    }

    private static Tale PackThenLoss(Draw draw)
    {
        var (who, thing, holder) = (draw.Pick(People), draw.Pick(Things), draw.Pick(Holders));
        var (count, each, less) = (draw.Number(2, 9), draw.Number(3, 9), draw.Number(2, 5));
        var how = draw.Pick(["gives away", "loses", "sells"]);
        return new($"{who.Name} has {count} {holder} with {each} {thing} in each. {who.He} {how} {less} {thing}. How many {thing} are left?",
            [new(count, '*', each), new(count * each, '-', less)]);
    }

    private static Tale PackThenGain(Draw draw)
    {
        var (who, thing, holder) = (draw.Pick(People), draw.Pick(Things), draw.Pick(Holders));
        var (count, each, more) = (draw.Number(2, 9), draw.Number(2, 9), draw.Number(2, 20));
        var how = draw.Pick(["buys", "finds", "gets"]);
        return new($"{who.Name} has {count} {holder} with {each} {thing} in each. {who.He} {how} {more} more. How many {thing} does {who.Name} have now?",
            [new(count, '*', each), new(count * each, '+', more)]);
    }

    private static Tale Change(Draw draw)
    {
        var (who, ware, count, price) = (draw.Pick(People), draw.Pick(Wares), draw.Number(2, 8), draw.Number(2, 9));
        var paid = ((count * price / 10) + draw.Number(1, 3)) * 10;
        return new(
            $"One {ware.One} costs {price} dollars. {who.Name} buys {count} {ware.Many} and pays with {paid} dollars. How many dollars does {who.He.ToLowerInvariant()} get back?",
            [new(count, '*', price), new(paid, '-', count * price)]);
    }

    private static Tale GainThenLoss(Draw draw)
    {
        var (who, thing, has, more, less) = (draw.Pick(People), draw.Pick(Things), draw.Number(5, 30), draw.Number(2, 15), draw.Number(2, 6));
        return new(
            $"{who.Name} has {has} {thing}. {who.He} {draw.Pick(["buys", "finds", "gets"])} {more} more and {draw.Pick(["gives away", "loses", "sells"])} {less}. How many {thing} does {who.Name} have now?",
            [new(has, '+', more), new(has + more, '-', less)]);
    }

    private static Tale TwoWares(Draw draw)
    {
        var (who, ware, other, count, price, extra) =
            (draw.Pick(People), draw.Pick(Wares), draw.Pick(Wares), draw.Number(2, 8), draw.Number(2, 9), draw.Number(2, 15));
        return new(
            $"One {ware.One} costs {price} dollars. {who.Name} buys {count} {ware.Many} and one {other.One} for {extra} dollars. How many dollars does {who.He.ToLowerInvariant()} pay?",
            [new(count, '*', price), new(count * price, '+', extra)]);
    }

    private static Tale ShareThenGain(Draw draw)
    {
        var (who, thing, friends, each, more) = (draw.Pick(People), draw.Pick(Things), draw.Number(2, 8), draw.Number(2, 9), draw.Number(2, 10));
        return new(
            $"{friends * each} {thing} are shared equally among {friends} friends. {who.Name} is one of them and has {more} more at home. How many {thing} does {who.Name} have?",
            [new(friends * each, '/', friends), new(each, '+', more)]);
    }

    private static Tale PackThenTwoLosses(Draw draw)
    {
        var (who, thing, holder) = (draw.Pick(People), draw.Pick(Things), draw.Pick(Holders));
        var (count, each, first, second) = (draw.Number(3, 8), draw.Number(4, 9), draw.Number(2, 5), draw.Number(2, 5));
        return new(
            $"{who.Name} has {count} {holder} with {each} {thing} in each. {who.He} gives away {first} {thing} and loses {second}. How many {thing} are left?",
            [new(count, '*', each), new(count * each, '-', first), new((count * each) - first, '-', second)]);
    }

    private static Tale TwoPacksThenLoss(Draw draw)
    {
        var (who, thing, holder) = (draw.Pick(People), draw.Pick(Things), draw.Pick(Holders));
        var (count, each, more, less) = (draw.Number(2, 6), draw.Number(3, 8), draw.Number(2, 12), draw.Number(2, 6));
        return new(
            $"{who.Name} has {count} {holder} with {each} {thing} in each and {more} other {thing}. {who.He} sells {less}. How many {thing} are left?",
            [new(count, '*', each), new(count * each, '+', more), new((count * each) + more, '-', less)]);
    }

    private static Tale Savings(Draw draw)
    {
        var (who, weeks, saved, had, ware) = (draw.Pick(People), draw.Number(2, 8), draw.Number(3, 9), draw.Number(2, 15), draw.Pick(Wares));
        var cost = draw.Number(3, 8);
        return new(
            $"{who.Name} saves {saved} dollars a week for {weeks} weeks and already had {had} dollars. {who.He} buys a {ware.One} for {cost} dollars. How many dollars are left?",
            [new(weeks, '*', saved), new(weeks * saved, '+', had), new((weeks * saved) + had, '-', cost)]);
    }

    private sealed record Person(string Name, string He);

    private sealed record Ware(string One, string Many);

    private sealed record Tale(string Question, IReadOnlyList<Calculation> Steps);
}
