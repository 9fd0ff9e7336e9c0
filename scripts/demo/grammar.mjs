/** Small grammars of stories, questions and answers, in English and Chinese: all that demo models learn is made of them, and so is ours. */

/** Numbers from 0 to 1 (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts from a seed: the same seed makes the same texts. */
export function demoGrammar(seed) {
  const random = randomNumbers(seed);
  const below = (limit) => Math.floor(random() * limit);
  const pick = (list) => list[below(list.length)];
  const chance = (share) => random() < share;
  /** `count` different members of a list. */
  function pickSome(list, count) {
    const rest = [...list];
    return Array.from({ length: count }, () => rest.splice(below(rest.length), 1)[0]);
  }
  const words = (list) => list.split(', ');
  /** A noun or adjective with its article. */
  const a = (word) => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;
  const capital = (text) => text[0].toUpperCase() + text.slice(1);

  const people = [
    ['Mina', 'she', 'her'],
    ['Tom', 'he', 'his'],
    ['Rosa', 'she', 'her'],
    ['Ben', 'he', 'his'],
    ['Lily', 'she', 'her'],
    ['Omar', 'he', 'his'],
    ['Ada', 'she', 'her'],
    ['Jun', 'he', 'his'],
    ['Nora', 'she', 'her'],
    ['Leo', 'he', 'his'],
    ['Grace', 'she', 'her'],
    ['Sami', 'he', 'his'],
  ];
  const animals = words(
    'fox, duck, rabbit, cat, dog, mouse, bear, owl, hedgehog, goat, turtle, squirrel, frog, sparrow, donkey, lamb, otter, badger, crow, pony, beetle, snail, swan, wolf, deer, hen, bat, seal, elephant, ant',
  );
  const looks = words(
    'small, old, brown, shy, clever, sleepy, hungry, friendly, grey, funny, lonely, young, quiet, white, spotted, round, thin, angry, gentle, lost',
  );
  const places = words(
    'garden, forest, harbour, village, market, meadow, library, kitchen, workshop, school yard, lighthouse, bridge, orchard, river, mountain, island, bakery, station, castle, beach, tower, valley, farm, cave',
  );
  const weather = words('sunny, rainy, windy, cold, foggy, bright, snowy, warm, cloudy, quiet, golden, stormy');
  const times = ['morning', 'afternoon', 'evening', 'day'];
  const things = words(
    'lantern, kite, basket, wooden boat, red scarf, key, bell, book, blue cup, map, clock, paper crown, silver spoon, drum, letter, button, umbrella, ladder, feather, glass bottle, pencil, blanket, green hat, wheel, candle, rope, shell, mirror, violin, box, coin, garden gate',
  );
  const foods = words(
    'apples, bread, soup, honey, pears, pancakes, cheese, berries, carrots, nuts, rice, plums, cake, potatoes, tea, milk, grapes, beans, butter, noodles',
  );
  const feelings = words(
    'happy, proud, curious, worried, brave, tired, surprised, calm, glad, thankful, hopeful, nervous, excited, cheerful',
  );
  const adverbs = words('slowly, quietly, carefully, quickly, gently, softly, bravely, suddenly');
  const verbs = words(
    'walked, jumped, slept, waited, danced, sang, rested, listened, worked, played, looked around, laughed, turned, stood, wandered, hurried',
  );
  const ways = words('under, beside, behind, near, above, in front of, across from, not far from');
  const materials = words('wood, stone, paper, wool, silver, clay, glass, straw, leather, iron');
  const uses = {
    knife: 'cut bread',
    broom: 'sweep the floor',
    needle: 'sew a button',
    bucket: 'carry water',
    hammer: 'drive a nail',
    pen: 'write a letter',
    pot: 'cook soup',
    brush: 'paint a wall',
    boat: 'cross the river',
    lamp: 'read at night',
    spade: 'dig in the garden',
    thermometer: 'measure how warm it is',
  };
  const seasons = ['spring', 'summer', 'autumn', 'winter'];
  const seasonFacts = {
    spring: 'the first flowers open and the birds build their nests',
    summer: 'the days are long and the water is warm enough for swimming',
    autumn: 'the leaves turn yellow and the farmers bring in the harvest',
    winter: 'snow covers the fields and the lakes freeze',
  };
  const numbers = [
    'zero',
    'one',
    'two',
    'three',
    'four',
    'five',
    'six',
    'seven',
    'eight',
    'nine',
    'ten',
    'eleven',
    'twelve',
    'thirteen',
    'fourteen',
    'fifteen',
    'sixteen',
    'seventeen',
    'eighteen',
  ];

  function story() {
    const [name, they, their] = pick(people);
    const [friend] = pick(people.filter(([other]) => other !== name));
    const They = capital(they);
    const animal = pick(animals);
    const look = pick(looks);
    const place = pick(places);
    const [thing, other] = pickSome(things, 2);
    const food = pick(foods);
    const [feeling, later] = pickSome(feelings, 2);
    const opening = pick([
      `One ${pick(weather)} ${pick(times)}, ${name} walked to the ${place}.`,
      `Once upon a time, there was a child named ${name} who lived near the ${place}.`,
      `It was a ${pick(weather)} ${pick(times)}, and ${name} wanted to go to the ${place}.`,
      `${name} had ${a(thing)}. ${They} took it everywhere, even to the ${place}.`,
    ]);
    const meeting = pick([
      `There ${they} met ${a(look)} ${animal}.`,
      `Behind a tree sat ${a(look)} ${animal}.`,
      `${capital(a(look))} ${animal} came ${pick(adverbs)} out of the grass.`,
      `"Who is there?" asked ${name}. It was only ${a(look)} ${animal}.`,
    ]);
    const trouble = pick([
      `The ${animal} had lost its ${other} and looked very sad.`,
      `The ${animal} could not reach the ${other} on the high wall.`,
      `The ${animal} was hungry, because it had eaten nothing since the night before.`,
      `The ${animal} did not know the way home.`,
      `Then the wind took ${their} ${thing} and carried it over the roofs.`,
    ]);
    const asking = pick([
      `"Can you help me?" asked the ${animal}.`,
      `"Please don't go," said the ${animal}. "I'm all alone here."`,
      `"I will help you," said ${name}. "We can look for it together."`,
      `"What should we do?" said ${name}.`,
      `${name} felt ${feeling}, but ${they} did not run away.`,
    ]);
    const doing = pick([
      `They looked under the stones, behind the door and in the old boat.`,
      `${name} shared ${their} ${food} with the ${animal}, and they sat down to think.`,
      `${They} climbed up ${pick(adverbs)} and held out ${their} hand.`,
      `So they went to ask ${friend}, who knew every path in the ${place}.`,
      `They counted the steps: one, two, three, four, five. Then they stopped and listened.`,
      `${friend} came by with ${a(other)} and said, "Let's try it again."`,
    ]);
    const ending = pick([
      `At last they found it next to the ${other}. Everyone was ${later}.`,
      `When the sun went down, they were all at home, and the ${animal} was fast asleep.`,
      `"Thank you," said the ${animal}. "You are a good friend."`,
      `After that, ${name} and the ${animal} met in the ${place} every ${pick(times)}.`,
      `${name} learned that a small kindness can make a long way short.`,
      `They ate ${food} and laughed until the stars came out. The end.`,
    ]);
    const scene = pick([
      `The ${pick(looks)} ${pick(animals)} ${pick(verbs)} ${pick(ways)} the ${pick(things)}.`,
      `It was made of ${pick(materials)} and ${pick(materials)}, and nobody knew how old it was.`,
      `"I have never seen ${a(pick(looks))} ${pick(animals)} in the ${pick(places)}," said ${friend}.`,
      `The road went from the ${pick(places)} to the ${pick(places)} and back again.`,
      `${They} ${pick(verbs)} ${pick(adverbs)} until the bell rang ${pick(numbers.slice(2))} times.`,
      `In the ${pick(places)} they could buy ${pickSome(foods, 2).join(', ')} and even ${a(pick(things))}.`,
    ]);
    const parts = [opening, meeting, ...(chance(0.6) ? [scene] : []), trouble, ...(chance(0.7) ? [asking] : []), doing, ending];
    return chance(0.3) ? `${parts.slice(0, 3).join(' ')}\n${parts.slice(3).join(' ')}` : parts.join(' ');
  }

  const colours = {
    sky: 'blue',
    grass: 'green',
    snow: 'white',
    'ripe tomato': 'red',
    night: 'black',
    lemon: 'yellow',
    carrot: 'orange',
    mouse: 'grey',
  };
  const sounds = { dog: 'barks', cat: 'meows', duck: 'quacks', cow: 'moos', bee: 'buzzes', owl: 'hoots', lion: 'roars', sheep: 'bleats' };
  const opposites = {
    big: 'small',
    hot: 'cold',
    day: 'night',
    up: 'down',
    fast: 'slow',
    open: 'closed',
    early: 'late',
    loud: 'quiet',
    wet: 'dry',
    full: 'empty',
  };
  const makers = {
    bread: 'a baker',
    shoes: 'a shoemaker',
    chairs: 'a carpenter',
    clothes: 'a tailor',
    pictures: 'a painter',
    songs: 'a musician',
  };
  const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

  const questions = [
    () => {
      const [thing, colour] = pick(Object.entries(colours));
      return [`What colour is the ${thing}?`, `The ${thing} is ${colour}.`];
    },
    () => {
      const [animal, sound] = pick(Object.entries(sounds));
      return [`What does ${a(animal)} do when it wants to be heard?`, `${capital(a(animal))} ${sound}.`];
    },
    () => {
      const [word, opposite] = pick(Object.entries(opposites));
      return [`What is the opposite of ${word}?`, `The opposite of ${word} is ${opposite}.`];
    },
    () => {
      const [thing, maker] = pick(Object.entries(makers));
      return [`Who makes ${thing}?`, `${capital(maker)} makes ${thing}.`];
    },
    () => {
      const at = below(days.length);
      return [`Which day comes after ${days[at]}?`, `${days[(at + 1) % 7]} comes after ${days[at]}.`];
    },
    () => {
      const [first, second] = [below(10), below(10)];
      return [
        `What is ${numbers[first]} plus ${numbers[second]}?`,
        `${capital(numbers[first])} plus ${numbers[second]} is ${numbers[first + second]}.`,
      ];
    },
    () => {
      const [first, second] = [below(90) + 10, below(9) + 1];
      return [`How much is ${first} + ${second}?`, `${first} + ${second} = ${first + second}`];
    },
    () => {
      const thing = pick(things);
      const place = pick(places);
      return [`I put the ${thing} in the ${place}. Where is the ${thing}?`, `The ${thing} is in the ${place}.`];
    },
    () => {
      const [tool, use] = pick(Object.entries(uses));
      return [`What is ${a(tool)} for?`, `You need ${a(tool)} to ${use}.`];
    },
    () => {
      const season = pick(seasons);
      return [`What happens in ${season}?`, `In ${season}, ${seasonFacts[season]}.`];
    },
    () => {
      const [name] = pick(people);
      const [feeling, other] = pickSome(feelings, 2);
      return [`${name} was ${other} yesterday and is ${feeling} today. How does ${name} feel now?`, `${name} is ${feeling}.`];
    },
    () => {
      const list = pickSome(foods, 3);
      return [`Can you make a list of three foods?`, `Yes:\n- ${list.join('\n- ')}`];
    },
  ];

  function dialogue() {
    return Array.from({ length: 1 + below(3) }, () => {
      const [question, answer] = pick(questions)();
      return `Question: ${question}\nAnswer: ${answer}`;
    }).join('\n');
  }

  const chinese = {
    people: ['小明', '小红', '奶奶', '爷爷', '老师', '妹妹', '哥哥', '小李'],
    animals: ['小猫', '小狗', '兔子', '鸭子', '小鸟', '老马', '松鼠', '乌龟'],
    places: ['花园', '森林', '河边', '学校', '市场', '山上', '厨房', '图书馆'],
    things: ['灯笼', '风筝', '篮子', '小船', '红围巾', '钥匙', '书', '地图'],
    foods: ['苹果', '面包', '汤', '蜂蜜', '梨', '饺子', '米饭'],
    weather: ['晴天', '下雨', '刮风', '下雪', '很冷', '很暖和'],
    feelings: ['高兴', '骄傲', '好奇', '担心', '勇敢', '累'],
  };

  function chineseStory() {
    const { people: who, animals: beasts, places: where, things: what, foods: eat, weather: sky, feelings: mood } = chinese;
    const [name, friend] = pickSome(who, 2);
    const animal = pick(beasts);
    const thing = pick(what);
    const lines = [
      pick([
        `今天${pick(sky)}，${name}去了${pick(where)}。`,
        `从前，${name}住在${pick(where)}旁边。`,
        `早上，${name}带着${thing}去${pick(where)}。`,
      ]),
      pick([`在那里，${name}看见一只${animal}。`, `一只${animal}从草地里跑了出来。`]),
      pick([`${animal}找不到它的${thing}，很着急。`, `${animal}饿了，什么也没有吃。`, `${animal}不知道回家的路。`]),
      pick([`“你能帮我吗？”${animal}问。`, `“别怕，我们一起找。”${name}说。`, `${name}觉得很${pick(mood)}，但是没有走开。`]),
      pick([
        `他们去问${friend}，${friend}认识每一条路。`,
        `${name}把${pick(eat)}分给了${animal}。`,
        `他们找了又找，一、二、三，数着走过的树。`,
      ]),
      pick([`最后，大家都很${pick(mood)}。`, `“谢谢你。”${animal}说。`, `太阳下山了，他们一起回家。`]),
    ];
    return lines.join('');
  }

  const chineseColours = { 天空: '蓝色', 草: '绿色', 雪: '白色', 柠檬: '黄色', 西红柿: '红色' };
  function chineseDialogue() {
    const [thing, colour] = pick(Object.entries(chineseColours));
    const [first, second] = [below(9) + 1, below(9) + 1];
    return pick([
      `问：${thing}是什么颜色的？\n答：${thing}是${colour}的。`,
      `问：${first}加${second}等于多少？\n答：${first}加${second}等于${first + second}。`,
    ]);
  }

  /** A question and its answer. */
  const exchange = () => pick(questions)();
  return { random, below, pick, story, dialogue, exchange, chineseStory, chineseDialogue };
}
